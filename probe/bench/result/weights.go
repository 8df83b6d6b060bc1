package result

// Weights is how far fine-tuning moved the tensors of the models that are merged.
type Weights struct {
	// Model is the ID of the mix that Moved and Alpha of the layers are of: with alpha .5, or the middle one of a sweep; "" if it
	// is the linear mix with alpha .5 of two models that are compared.
	Model  string  `json:"model,omitempty"`
	Layers []Layer `json:"layers"` // floating-point tensors of more than one element, in the order of the fine-tuned file
	// Unmoved counts the elements of merged tensors that fine-tuning did not change. Changes counts the others by their change
	// in root mean squares of the pre-trained tensor: entry i those from 10^(i/2-6) on, the first also smaller and the
	// last also larger ones. Unmeasured are changes that are no number, or of a tensor of zeros.
	Unmoved    int64   `json:"unmoved"`
	Changes    []int64 `json:"changes"`
	Unmeasured int64   `json:"unmeasured,omitempty"`
	// Repair is how far the repair of Model moved it; nil without one.
	Repair *RepairMoves `json:"repair,omitempty"`
}

// RepairMoves is how far a repair moved the statistics or weights of a mix.
type RepairMoves struct {
	Mode   string       `json:"mode"` // auto measures without moving anything
	Layers []RepairMove `json:"layers"`
}

// RepairMove is a tensor that a repair corrected, or a place that it only measured.
type RepairMove struct {
	Place    string  `json:"place"`            // output of the operator whose activations were measured
	Tensor   string  `json:"tensor,omitempty"` // "" if none was corrected there
	Depth    float64 `json:"depth"`            // as that of a Layer
	Elements int64   `json:"elements,omitempty"`
	// Moved is |repaired - mixed| / |mixed|; nil where it is not defined.
	Moved *float64 `json:"moved"`
	// Factor is the median over channels of the measured deviation of the activations in the mix over its goal.
	Factor float64 `json:"factor"`
}

// Layer is a tensor of the fine-tuned model.
type Layer struct {
	Tensor   string   `json:"tensor"`
	Action   string   `json:"action"` // merge, copy or refuse
	Reason   string   `json:"reason"` // of the action
	Depth    float64  `json:"depth"`  // of the operator that uses it: 0 is the first layer, 1 the last
	Elements int64    `json:"elements"`
	Cosine   *float64 `json:"cosine"`          // with its counterpart; nil unless it is merged
	RelL2    *float64 `json:"rel_l2"`          // |fine-tuned - pre-trained| / |pre-trained|; nil as Cosine
	Moved    *float64 `json:"moved"`           // |merged - fine-tuned| / |pre-trained|: what the method changed; nil as Cosine
	Alpha    *float64 `json:"alpha,omitempty"` // of the tensor, where a recipe gives tensors alphas of their own
}
