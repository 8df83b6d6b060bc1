package protocol

import (
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// pooledLimit is the limit of a convention on features that are not pooled from tokens as it does.
const pooledLimit = "C and solver only"

func init() {
	p := Protocol{Name: "svm", Doc: "a linear SVM by the conventions of Point-M2AE, ReCon and Point-MAE", NeedsTest: true}
	for _, name := range []string{"point-m2ae", "recon", "point-mae"} {
		c, err := feature.LookupConvention(name)
		if err != nil {
			panic(err)
		}
		t := scored(c.Name, "SVM "+c.Name, SVMOptions(c))
		t.Limit, t.Pooled = pooledLimit, c.Form
		p.Tasks = append(p.Tasks, t)
	}
	Register(p)
}

// SVMOptions returns how a convention's classifier is fitted.
func SVMOptions(c feature.Convention) fit.Options { return fit.Options{Solver: c.Solver, C: c.C} }
