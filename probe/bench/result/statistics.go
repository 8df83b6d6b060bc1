package result

// Statistics has the tests of differences between models, and their parameters.
type Statistics struct {
	Level     float64 `json:"level"`     // of all intervals
	Flips     int     `json:"flips"`     // of random signs, for the p-values of suites
	Resamples int     `json:"resamples"` // of clouds, for the bootstrap of differences
	Seed      uint64  `json:"seed"`      // of both
	// Against is the ID of the model with which all others are compared: the chosen one, or else the first; "" if
	// there are fewer than two models, or too many.
	Against     string        `json:"against"`
	Comparisons []*Comparison `json:"comparisons"`
	// Corrections compare each mix that is repaired, A, with the same mix that is not, B; and each with another rule of
	// statistics with that on the path. Their p-values are adjusted for their own number.
	Corrections []*Comparison `json:"corrections,omitempty"`
}

// Comparison is the difference of two models on the first test set, on the same samples.
type Comparison struct {
	A     string      `json:"a"`
	B     string      `json:"b"`
	Clean *Difference `json:"clean"`
	// MOA is the difference under the whole suite; nil if only a part was run.
	MOA *Difference `json:"moa"`
	// CorruptedScore is the difference of that figure; nil without one, or if no scores of single samples are known.
	CorruptedScore *Difference `json:"corrupted_score,omitempty"`
}

// Difference is the difference of a figure, A - B.
type Difference struct {
	Difference Number `json:"difference"`
	// Interval is Tango's for clean data; for a suite, Student's interval of the clouds' differences.
	Interval [2]Number `json:"interval"`
	// Bootstrap is the interval of the paired bootstrap over the clouds, each with all its corruptions. Its coverage
	// is too small if models differ on few clouds.
	Bootstrap [2]Number `json:"bootstrap"`
	// P is the p-value of McNemar's test (mid-p) for clean data, of random sign flips by cloud for a suite; PHolm is
	// adjusted by Holm's method for the number of comparisons of the figure.
	P     Number `json:"p"`
	PHolm Number `json:"p_holm"`
	Test  string `json:"test"`
}

// TestIntervals are the intervals of a test set's figures: low and high ends. For clean accuracy it is Wilson's; for
// a suite, clouds are the independent units, each with all its corruptions; see [metric.CloudFigures.Intervals].
// Those of the suite are nil unless it was run whole.
type TestIntervals struct {
	Clean [2]Number  `json:"clean"`
	MOA   *[2]Number `json:"moa"`
	MCE   *[2]Number `json:"mce"`
	RMCE  *[2]Number `json:"rmce"`
	// CorruptedScore is Student's interval by sample, as Clean then is; nil without scores of single samples.
	CorruptedScore *[2]Number           `json:"corrupted_score,omitempty"`
	Corruptions    map[string][2]Number `json:"corruptions,omitempty"`
}

// Baseline is the line of effective robustness: logit(mOA) = Slope logit(clean) + Intercept, fitted to the accuracies
// of Models.
type Baseline struct {
	Models    []string `json:"models"`
	Slope     Number   `json:"slope"`
	Intercept Number   `json:"intercept"`
	R2        Number   `json:"r2"`
	Note      string   `json:"note,omitempty"`
}
