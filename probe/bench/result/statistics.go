package result

// Statistics say how sure the figures are.
type Statistics struct {
	Level     float64 `json:"level"`     // of all intervals
	Flips     int     `json:"flips"`     // of random signs, for the p-values of suites
	Resamples int     `json:"resamples"` // of clouds, for the bootstrap of differences
	Seed      uint64  `json:"seed"`      // of both
	// Against is the model that all others are compared with: the chosen one, or else the
	// first; "" if there are too few models, or too many.
	Against     string        `json:"against"`
	Comparisons []*Comparison `json:"comparisons"`
}

// Comparison is how two models differ on the first test set, on the same samples.
type Comparison struct {
	A     string      `json:"a"`
	B     string      `json:"b"`
	Clean *Difference `json:"clean"`
	// MOA is the difference under the whole suite; nil if only a part was run.
	MOA *Difference `json:"moa"`
}

// Difference is that of a figure, A - B.
type Difference struct {
	Difference Number `json:"difference"`
	// Interval is Tango's for clean data, and Student's of the clouds' differences for a suite.
	Interval [2]Number `json:"interval"`
	// Bootstrap is the interval by the paired bootstrap over the clouds, each with all its
	// corruptions. It covers less where models differ on a handful of clouds.
	Bootstrap [2]Number `json:"bootstrap"`
	// P is that of McNemar's test (mid-p) for clean data, and of random signs by cloud for a
	// suite; PHolm is adjusted for how many comparisons were made of the figure.
	P     Number `json:"p"`
	PHolm Number `json:"p_holm"`
	Test  string `json:"test"`
}

// TestIntervals are the intervals of a test set's figures: low and high ends. That of clean
// accuracy is Wilson's; those over a suite count clouds, each with all its corruptions, as one
// answer or less; see [metric.CloudFigures.Intervals].
// They are nil unless the suite was run whole.
type TestIntervals struct {
	Clean       [2]Number            `json:"clean"`
	MOA         *[2]Number           `json:"moa"`
	MCE         *[2]Number           `json:"mce"`
	RMCE        *[2]Number           `json:"rmce"`
	Corruptions map[string][2]Number `json:"corruptions,omitempty"`
}

// BaselineResult is the line of effective robustness: logit(mOA) = Slope logit(clean) +
// Intercept, through the accuracies of Models.
type Baseline struct {
	Models    []string `json:"models"`
	Slope     Number   `json:"slope"`
	Intercept Number   `json:"intercept"`
	R2        Number   `json:"r2"`
	Note      string   `json:"note,omitempty"`
}
