package wiseft

import (
	"cmp"
	"context"
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/store"
)

// LandscapeOptions says on which plane of models the loss of validation data is measured beside a sweep: the one through
// the pre-trained, the fine-tuned and a third model. [result.Landscape] has its axes.
type LandscapeOptions struct {
	// Third is the file of another fine-tune of the same network; "" is the repaired mix at Alpha, which needs Merge.Repair.
	Third string
	// Alpha of the repaired mix; nil is the chosen one, for which validation data is measured first.
	Alpha *float64
	// Samples of the training and of the validation data each, drawn class by class; 0 is LandscapeSamples, or all of fewer.
	Samples int
	Side    int // points of a side of the grid, from 3 to 101; 0 is LandscapeSide
}

const (
	// LandscapeSamples is how many samples the loss of a point is of by default: the 133 points then take 53,200 passes.
	LandscapeSamples = 200
	// LandscapeSide is how many points a side of the grid has by default.
	LandscapeSide = 11
)

// check returns an error if the plane cannot be that of a sweep.
func (o *LandscapeOptions) check(s *SweepOptions) error {
	switch {
	case o == nil:
		return nil
	case o.Samples < 0:
		return fault.Usagef("--landscape-samples %d must not be negative", o.Samples)
	case o.Side != 0 && (o.Side < 3 || o.Side > 101):
		return fault.Usagef("--landscape-side %d is not within 3 and 101", o.Side)
	case s.Val.isZero():
		return fault.Usagef("--landscape is of the loss of validation data").WithHint(bench.NeedsVal)
	case !s.Score.isZero():
		return fault.Usagef("--landscape is of the loss, and --score measures no loss")
	case o.Third != "" && s.Merge.Align != nil:
		return fault.Usagef("--landscape %s: --align brings the units of PRETRAINED and FINETUNED into one order, and not those of "+
			"a third model", o.Third).WithHint("align the files first, with merge --align, or use --landscape repair")
	case o.Third != "":
		return nil
	case s.Merge.Repair == nil:
		return fault.Usagef("--landscape repair needs a repair").WithHint("name its data with --repair DATA")
	case o.Alpha != nil && (*o.Alpha <= 0 || *o.Alpha >= 1):
		return fault.Usagef("--landscape repair:%g: only between 0 and 1 is a mix repaired, and three models on a line span no plane",
			*o.Alpha)
	case o.Alpha == nil && s.Run.Share.Count > 1:
		return fault.Usagef("--landscape repair is at the chosen alpha, which is not known before all shares are done").
			WithHint("name an alpha: --landscape repair:0.5")
	case o.Alpha == nil && s.Choose.OnTest:
		return fault.Usagef("--landscape repair is at the chosen alpha, and test data chooses it").
			WithHint("name an alpha: --landscape repair:0.5")
	}
	return nil
}

// landscape makes the plane of a sweep.
type landscape struct {
	LandscapeOptions
	whole   mergeVariant // of the sweep
	samples *calibration // of repairs; nil without any
	third   *Model       // open, if the third model is a file
}

// newLandscape opens the third model of a sweep's plane, if it is a file; nil without options. The caller closes it.
func newLandscape(opt *LandscapeOptions, whole mergeVariant, samples *calibration) (*landscape, error) {
	if opt == nil {
		return nil, nil
	}
	l := &landscape{LandscapeOptions: *opt, whole: whole, samples: samples}
	if opt.Third == "" {
		return l, nil
	}
	var err error
	l.third, err = Open(opt.Third)
	return l, err
}

// close closes the third model. The receiver may be nil.
func (l *landscape) close() error {
	if l == nil || l.third == nil {
		return nil
	}
	return l.third.Close()
}

// paths returns the files of the third model. The receiver may be nil.
func (l *landscape) paths() []string {
	if l == nil || l.third == nil {
		return nil
	}
	return l.third.Paths()
}

// add sets the landscape of a plan that has its data. folder is nil in a dry run, where nothing is chosen: alpha .5 is as
// costly as another. The receiver may be nil.
func (l *landscape) add(ctx context.Context, plan *bench.Plan, folder *store.Folder, monitor Monitor) error {
	if l == nil {
		return nil
	}
	third, name, err := l.thirdModel(ctx, plan, folder, monitor)
	if err != nil {
		return err
	}
	base, err := l.plan(ctx, third)
	if err != nil {
		return err
	}
	gram, err := onnxmerge.Gram(ctx, base, monitor.mebibytes("measuring the plane"))
	if err != nil {
		return err
	}
	// The plan's order is pre-trained, third, fine-tuned.
	plane, err := newPlane(gram[1][1], gram[0][1], gram[0][0])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b := &bench.Landscape{Plane: plane.points(name, cmp.Or(l.Side, LandscapeSide))}
	b.Plane.Data = plan.Vals[0].Name
	if b.Val, err = drawnByClass(plan.Vals[0].Data, l.Samples, plan.Seed); err != nil {
		return err
	}
	if b.Plane.Head = "own"; !plan.OwnHead {
		b.Plane.Head = "probe"
		if b.Train, err = drawnByClass(plan.Train, l.Samples, plan.Seed); err != nil {
			return err
		}
		b.Plane.Train = b.Train.Len()
	}
	b.Plane.N = b.Val.Len()
	for _, p := range b.Plane.Points {
		b.Variants = append(b.Variants, l.variant(base, third, plane, p))
	}
	plan.Landscape = b
	return nil
}

// thirdModel returns the third model and its name in results.
func (l *landscape) thirdModel(ctx context.Context, plan *bench.Plan, folder *store.Folder, monitor Monitor,
) (*Model, string, error) {
	if l.third != nil {
		return l.third, l.Third, nil
	}
	alpha, err := l.alpha(ctx, plan, folder, monitor)
	if err != nil {
		return nil, "", err
	}
	mix := l.whole
	mix.point = []result.Param{{Name: result.Alpha, Value: alpha}}
	mix.params = withPoint(mix.merge.Params, mix.point)
	repaired, err := mix.plan()
	if err != nil {
		return nil, "", err
	}
	if repaired, _, err = l.samples.repair(ctx, repaired); err != nil {
		return nil, "", err
	}
	m, err := l.samples.write(ctx, repaired)
	name := mix.ID() + " repaired"
	return &Model{Model: m, path: name}, name, err
}

// alpha returns that of the repaired mix.
func (l *landscape) alpha(ctx context.Context, plan *bench.Plan, folder *store.Folder, monitor Monitor) (float64, error) {
	switch {
	case l.Alpha != nil:
		return *l.Alpha, nil
	case folder == nil:
		return bench.ConventionalAlpha, nil
	}
	chosen, err := bench.Choose(ctx, *plan, folder, monitor.bench("choosing", "landscape: "))
	if err != nil {
		return 0, err
	}
	hint := "name an alpha of the repaired mix: --landscape repair:0.5"
	switch {
	case chosen == nil || chosen.Alpha == nil || len(chosen.Params) != 1:
		return 0, fault.Mismatchf("no mix by alpha alone was chosen").WithHint("%s", hint)
	case *chosen.Alpha == 0 || *chosen.Alpha == 1:
		return 0, fault.Mismatchf("%s is chosen, an end of the line, and three models on a line span no plane", chosen.ID).WithHint("%s", hint)
	}
	monitor.note(fmt.Sprintf("landscape: the third model is the repaired mix at the chosen alpha %g", *chosen.Alpha))
	return *chosen.Alpha, nil
}

// plan returns the plan that mixes the three models: the pre-trained, the third, and the fine-tuned one, whose graph is
// written. The pairing of a file is proved by running, as that of the sweep.
func (l *landscape) plan(ctx context.Context, third *Model) (*onnxmerge.Plan, error) {
	list, opt := models{l.whole.inputs[0], third, l.whole.last}, l.merge()
	plan, err := planModels(ctx, list, nil, opt)
	if err != nil {
		return nil, err
	}
	if plan, err = settleDoubts(ctx, plan, list, nil, opt); err != nil {
		return nil, err
	}
	if err := namePair(plan.Err(), list); err != nil {
		return nil, err
	}
	if l.third != nil && opt.Prove != nil {
		if _, err := proveMerge(ctx, plan, list, *opt.Prove); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// merge returns the options of the mixes on the plane: those of the sweep, but for the method, which is linear.
func (l *landscape) merge() MergeOptions {
	opt := l.whole.merge
	opt.Method, opt.Params, opt.Set, opt.Fisher, opt.Repair = "linear", weights(1, 0, 0), nil, nil, nil
	return opt
}

// weights are the parameters of a mix by coefficients of the pre-trained, the third and the fine-tuned model.
func weights(pretrained, third, finetuned float64) method.Params {
	return method.Params{"weight": []float64{pretrained, third, finetuned}, "normalize": false}
}

// variant returns the model of a point.
func (l *landscape) variant(base *onnxmerge.Plan, third *Model, plane plane, p result.LandscapePoint) bench.Variant {
	v := l.whole
	v.base, v.merge, v.inputs = base, l.merge(), models{l.whole.inputs[0], third, l.whole.last}
	v.point, v.params = nil, weights(plane.coefficients(p.X, p.Y))
	return planeVariant{v, p.ID}
}

// planeVariant is the model of a point of a plane.
type planeVariant struct {
	mergeVariant
	id string
}

// ID implements bench.Variant.
func (v planeVariant) ID() string { return v.id }

// About implements bench.Variant.
func (planeVariant) About() bench.About { return bench.About{} }

// drawnByClass returns samples of a data set, drawn class by class: n, or 0 = LandscapeSamples, or all if there are fewer.
func drawnByClass(ds datasets.Dataset, n int, seed uint64) (datasets.Dataset, error) {
	want := cmp.Or(n, LandscapeSamples)
	if n > ds.Len() {
		return nil, fault.Usagef("--landscape-samples %d: %s has %d samples", n, ds.Info().Name, ds.Len())
	}
	if want >= ds.Len() {
		return ds, nil
	}
	_, held := datasets.SplitStratified(datasets.Labels(ds), float64(want)/float64(ds.Len()), seed)
	if len(held) == 0 {
		return nil, fault.Inputf("%s: no class has two samples, so that none is drawn by class", ds.Info().Name)
	}
	return datasets.Subset(ds, held, fmt.Sprintf("%d samples drawn by class for the landscape, seed %d", len(held), seed)), nil
}
