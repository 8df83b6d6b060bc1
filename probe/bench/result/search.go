package result

// Search describes how the mixes of a run were found among a grid.
type Search struct {
	Grid      []float64    `json:"grid"`
	Chosen    float64      `json:"chosen"`
	Likely    float64      `json:"likely"` // probability of being within one step of the whole grid's choice
	Passes    float64      `json:"passes"` // training and validation passes; the whole grid needs one for each alpha
	Evaluated []SearchStep `json:"evaluated"`
	Why       string       `json:"why"`
}

// SearchStep is an evaluation of one alpha on a number of validation samples.
type SearchStep struct {
	Alpha   float64 `json:"alpha"`
	Samples int     `json:"samples"`
	Right   int     `json:"right"`
	Passes  float64 `json:"passes"`
	Why     string  `json:"why"`
}
