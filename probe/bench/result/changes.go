package result

// Changes has the answers of one model on the first test set by class and, sample by sample, what changed against the
// fine-tuned end of the path. An answer is that of a sample under one condition: clean, or a corruption and severity.
type Changes struct {
	// Model is the ID of the chosen mix; without one, of the model with which others are compared, or of the only one.
	Model string `json:"model"`
	// Against is the ID of the mix with alpha 1; "" if there is none, or if it is Model. Figures of it are then left out.
	Against string `json:"against,omitempty"`

	Conditions []*ConditionChange `json:"conditions"` // clean first, then in the order of the suite

	// Rescued are the clean samples that Model alone classifies rightly, Lost those that Against alone does: their indices
	// in the test set, ascending. The test of the difference of clean accuracies is of these samples.
	Rescued []int `json:"rescued,omitempty"`
	Lost    []int `json:"lost,omitempty"`

	Classes   []*ClassAnswers `json:"classes"`   // those that occur, by label
	Confusion []*Confused     `json:"confusion"` // the pairs that occur, by label and prediction

	// Largest are up to a dozen answers that one of the models alone gave rightly, of different samples: those whose
	// margin changed most, half of them rescued and half lost where there are enough.
	Largest []*SampleAnswer `json:"largest,omitempty"`
	// Strip has one sample clean and under every corruption: the one on whose answers the models differ most often.
	Strip []*SampleAnswer `json:"strip,omitempty"`
	// Samples is the key of the unit with the samples of Strip and then of Largest, as they were scored, for pictures. The
	// unit exists if the samples are clouds or images and the data was there when the result was made.
	Samples string `json:"samples,omitempty"`
}

// ConditionChange counts the answers under one condition.
type ConditionChange struct {
	Corruption string `json:"corruption,omitempty"` // "" = clean
	Severity   int    `json:"severity,omitempty"`
	N          int    `json:"n"`
	Right      int    `json:"right"`             // of Model
	Rescued    int    `json:"rescued,omitempty"` // right by Model alone
	Lost       int    `json:"lost,omitempty"`    // right by Against alone
}

// ClassAnswers counts the right answers for the samples of a class: clean, and under every corruption in the order of
// the result, summed over the severities that were run.
type ClassAnswers struct {
	Label   int   `json:"label"`
	N       int   `json:"n"`     // clean samples
	Of      []int `json:"of"`    // answers
	Model   []int `json:"model"` // right ones
	Against []int `json:"against,omitempty"`
}

// Confused counts the answers Prediction for samples of the class Label: clean, and under all corruptions together.
type Confused struct {
	Label            int `json:"label"`
	Prediction       int `json:"prediction"`
	Model            int `json:"model"`
	Against          int `json:"against,omitempty"`
	ModelCorrupted   int `json:"model_corrupted,omitempty"`
	AgainstCorrupted int `json:"against_corrupted,omitempty"`
}

// SampleAnswer is how the models classify a sample under a condition. A margin is the probability of the sample's class
// minus the highest one of another class, from -1 to 1; it is above 0 for right answers.
type SampleAnswer struct {
	Sample     int    `json:"sample"` // index in the test set
	Label      int    `json:"label"`
	Corruption string `json:"corruption,omitempty"` // "" = clean
	Severity   int    `json:"severity,omitempty"`

	Model         int     `json:"model"` // predicted class
	Margin        Number  `json:"margin"`
	Against       *int    `json:"against,omitempty"`
	AgainstMargin *Number `json:"against_margin,omitempty"`
}

// Rescued reports whether Model alone is right.
func (a *SampleAnswer) Rescued() bool {
	return a.Model == a.Label && a.Against != nil && *a.Against != a.Label
}

// Lost reports whether Against alone is right.
func (a *SampleAnswer) Lost() bool {
	return a.Model != a.Label && a.Against != nil && *a.Against == a.Label
}

// Pictured lists the answers whose samples are in the unit of samples, in its order.
func (c *Changes) Pictured() []*SampleAnswer {
	return append(c.Strip[:len(c.Strip):len(c.Strip)], c.Largest...)
}
