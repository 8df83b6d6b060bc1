package protocol

import (
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// pooledLimit is the limit of a convention on features that are pooled already: which tokens they are made from, and
// how, is not known.
const pooledLimit = "C and solver only: the features are the model's, not pooled from tokens as the convention does"

func init() {
	p := Protocol{Name: "svm", Doc: "a linear SVM by the conventions of Point-M2AE, ReCon and Point-MAE", NeedsTest: true}
	for _, name := range []string{"point-m2ae", "recon", "point-mae"} {
		c, err := feature.LookupConvention(name)
		if err != nil {
			panic(err)
		}
		t := scored(c.Name, "SVM "+c.Name, SVMOptions(c))
		t.Limit = pooledLimit
		p.Tasks = append(p.Tasks, t)
	}
	Register(p)
}

// SVMOptions returns how a convention's classifier is fitted.
func SVMOptions(c feature.Convention) fit.Options { return fit.Options{Solver: c.Solver, C: c.C} }
