package method

import "math"

func init() {
	for _, vote := range []bool{false, true} {
		name, formula := "breadcrumbs", "theta = base + lambda * sum_i w_i * m_i tau_i"
		doc := "drop the smallest and the very largest elements of each tensor's task vectors"
		if vote {
			name, formula = name+"_ties", "as ties_per_tensor, on m_i tau_i"
			doc += ", then elect signs"
		}
		Register(Method{
			Name: name, Doc: doc,
			Formula: formula + ", m_i = 1 for magnitudes between two ranks of the tensor",
			Source:  "Davari and Belilovsky, Model breadcrumbs, ECCV 2024; ranks as in mergekit",
			Detail: "The int(gamma*n) largest elements are dropped, then the smallest until int(density*n) are left; if fewer " +
				"would be left, fewer of the largest are dropped. Elements equal in magnitude to the smallest or the largest " +
				"kept one are kept, too.",
			MinModels: 2,
			Base:      true,
			Class:     Passes,
			Params: sparseParams(false,
				Param{Name: "gamma", Doc: "share of the largest elements that is dropped", Default: 0.01, Min: 0, Max: 1},
				rescaleL1Param()),
			Differs: []Difference{
				smallSums("mergekit " + name),
				{"mergekit " + name + " before 0.1.5", "int(gamma*n) = 0 drops everything", "drops none of the largest",
					"as mergekit 0.1.5 does"},
				{"mergekit " + name, "of equal magnitudes keeps those that the sort places first", "keeps all of them",
					"the result must not depend on the order of elements"},
			},
			Check:    checkSparse(name, vote),
			Rescales: rescales,
			New: func(t *Tensor, p Params) (Mixer, error) {
				gamma := p.Number("gamma")
				keep := func(density float64) (low, high int64) {
					if density == 1 {
						return 0, t.Len - 1
					}
					stay := int64(math.Floor(density * float64(t.Len)))
					low = max(0, t.Len-stay-share(gamma, t.Len))
					return low, low + stay - 1
				}
				s, err := newBand(t, p, keep)
				if err != nil {
					return Mixer{}, err
				}
				s.vote = vote
				return s.mixer(), nil
			},
		})
	}
}
