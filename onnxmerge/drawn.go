package onnxmerge

// Drawn says on which samples of a data set activations were measured, and how they were prepared and run.
type Drawn struct {
	File          string `json:"file"` // without folders
	Split         string `json:"split,omitempty"`
	Format        string `json:"format,omitempty"`
	Points        int    `json:"points,omitempty"`
	Sample        string `json:"sample,omitempty"`
	Normalize     string `json:"normalize,omitempty"`
	Resize        int    `json:"resize,omitempty"`
	Crop          int    `json:"crop,omitempty"`
	Interpolation string `json:"interpolation,omitempty"` // how images were scaled
	Axes          string `json:"axes,omitempty"`
	DropNaN       bool   `json:"drop_nan,omitempty"` // points that are NaN were left out
	Pad           string `json:"pad,omitempty"`      // how clouds of too few points are filled up
	EXIF          bool   `json:"exif,omitempty"`     // images were turned as their EXIF orientation says
	Input         string `json:"input,omitempty"`    // the array that was taken, ARRAY or INPUT=ARRAY; "" if it was found
	// Inputs are the arrays of several inputs, INPUT=ARRAY, sorted; nil if Input names the only one.
	Inputs []string `json:"inputs,omitempty"`
	// Constants are what inputs got with every sample, INPUT=VALUE, sorted.
	Constants []string `json:"constants,omitempty"`
	Layout    string   `json:"layout,omitempty"`
	Count     int      `json:"drawn"` // samples that were drawn
	Seed      uint64   `json:"seed"`  // of the draw, and of random points
	Batch     int      `json:"batch"` // samples of one forward pass
	Runtime   string   `json:"runtime"`
}
