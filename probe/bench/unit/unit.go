package unit

// Unit is one data set passing through one variant; of a transfer set all parts.
type Unit struct {
	Variant int
	View    View
	Samples int // number of samples, its cost
}

// Units lists all units of the plan, one variant after the other. In this order few models are opened, and probes
// exist before they are needed.
func (s *Spec) Units() []Unit {
	var list []Unit
	for v := range s.Variants {
		for _, w := range s.ViewsOf(v) {
			list = append(list, Unit{v, w, s.samples(w)})
		}
	}
	return list
}

// Total counts all units of the plan, and those of its landscape.
func (s *Spec) Total() int {
	n := len(s.Units())
	if s.Landscape != nil {
		n += s.Landscape.Points.Total()
	}
	return n
}

// samples counts the samples that pass through a model for w.
func (s *Spec) samples(w View) (n int) {
	if w.Role != OnTransfer {
		return s.Cell(w).N
	}
	for _, part := range s.Settings.Transfers[w.Set].Parts() {
		n += part.N
	}
	return n
}
