package unit

// unit is one data set passing through one variant.
type Unit struct {
	Variant int
	View    View
	Samples int // what it costs
}

// units lists all of the plan, one variant after the other: the order in which few models
// are opened, and in which a probe is there before it is needed.
func (s *Spec) Units() []Unit {
	var list []Unit
	for v := range s.Variants {
		for _, w := range s.Views() {
			list = append(list, Unit{v, w, s.Cell(w).N})
		}
	}
	return list
}
