package result

// TransferSet describes a data set on whose features protocols are measured, to judge a backbone by other data than the
// target. Its labels choose nothing.
type TransferSet struct {
	Name string `json:"name"`
	// Train and Test are the parts of a data set. Test is nil if no protocol needs it, and both are with published folds.
	Train *Data           `json:"train,omitempty"`
	Test  *Data           `json:"test,omitempty"`
	Folds []*TransferFold `json:"folds,omitempty"` // published few-shot folds
	Tasks []TransferTask  `json:"tasks"`           // in the order of tables
	Seed  uint64          `json:"seed"`            // of drawn folds
}

// TransferFold is a published few-shot fold.
type TransferFold struct {
	Task  string `json:"task"` // the name of the task that it belongs to: "5way_10shot"
	Train *Data  `json:"train"`
	Test  *Data  `json:"test"`
}

// TransferTask is a part of a protocol that gives one accuracy.
type TransferTask struct {
	Protocol string `json:"protocol"` // as registered: "few-shot"
	Key      string `json:"key"`      // the protocol's name in Transferred: "few_shot"
	Name     string `json:"task"`
	Head     string `json:"head"`            // of a column
	Limit    string `json:"limit,omitempty"` // how the figure differs from published ones; "" if it does not
	Options  string `json:"options"`         // everything else that the outcome depends on, as JSON
}

// Parts returns the data sets that pass through a model.
func (s *TransferSet) Parts() (list []*Data) {
	for _, d := range []*Data{s.Train, s.Test} {
		if d != nil {
			list = append(list, d)
		}
	}
	for _, f := range s.Folds {
		list = append(list, f.Train, f.Test)
	}
	return list
}

// Transferred has the figures of a model on a transfer set by protocol ([TransferTask.Key]) and task.
type Transferred map[string]map[string]*TransferFigure

// Figure returns the figure of a task; nil if there is none.
func (t Transferred) Figure(task TransferTask) *TransferFigure { return t[task.Key][task.Name] }

// TransferFigure is what one task gives for the features of a model.
type TransferFigure struct {
	// Accuracy is that on the test samples, or the mean over folds; null if the data does not have the task.
	Accuracy  Number    `json:"accuracy"`
	MeanClass Number    `json:"mean_class_accuracy"` // null for folds
	Std       Number    `json:"std"`                 // over folds, with n - 1; null otherwise
	N         int       `json:"n"`                   // test samples, of each fold
	Folds     []float64 `json:"folds,omitempty"`     // accuracies
	// Interval is Wilson's for test samples, Student's over folds.
	Interval [2]Number `json:"interval"`
	// Differences are paired, by sample or by fold, and are this model's figure minus the other's.
	Differences []*TransferDifference `json:"differences,omitempty"`
	Skipped     string                `json:"skipped,omitempty"` // why there is no figure
	Converged   *bool                 `json:"converged,omitempty"`
}

// TransferDifference is the difference from an end of the path.
type TransferDifference struct {
	From string `json:"from"` // ID of the other model
	Difference
}
