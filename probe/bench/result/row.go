package result

// Row is a line of the table that WiSE-FT-LP is judged by: one way to use the two models.
type Row struct {
	// Name is "PT" (the pre-trained backbone), "LP-only" (a head on it), "FT" (the fine-tuned model), "WiSE-FT" (the mix with
	// the fine-tuned model's own head), "WiSE-FT-LP" (the mix with a head that is fitted), with what differs from the
	// published procedure behind a comma: ", std" for standard deviations of running variances, ", repaired", another
	// head; or a control.
	Name  string   `json:"name"`
	Model string   `json:"model,omitempty"` // ID of the model that has the row's transfer figures; "" for averaged answers
	Alpha *float64 `json:"alpha"`
	Head  string   `json:"head,omitempty"` // own, probe, or the name of a further head; "" is none
	// Control marks rows that are no mix.
	Control bool  `json:"control,omitempty"`
	Merged  int64 `json:"merged_parameters"`

	// Figures on the first test set; null without a head.
	Clean    Number     `json:"clean"`
	Interval [2]Number  `json:"clean_interval"`
	MOA      Number     `json:"moa"`
	MOARange *[2]Number `json:"moa_interval,omitempty"`
	MCE      Number     `json:"mce"`
	// Differences from the row FT, on the same samples; nil for that row and without a head.
	CleanDifference *Difference `json:"clean_difference,omitempty"`
	MOADifference   *Difference `json:"moa_difference,omitempty"`
}
