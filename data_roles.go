package wiseft

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench"
)

// roleData is one of the clean data sets of a measurement, and what is compared between them.
type roleData struct {
	role   string // training, validation, test, or calibration, on which activations are measured
	ds     datasets.Dataset
	hashes [][32]byte       // of the values of every sample
	index  map[[32]byte]int // a sample by its hash
	size   float64          // median over samples of the root mean square of a sample's values
	counts map[int64]int    // samples by class
}

// fits reports whether probes are fitted on the data, on which activations may be measured, too.
func (r *roleData) fits() bool { return r.role == "training" }

func (r *roleData) String() string { return fmt.Sprintf("the %s data %s", r.role, r.ds.Info().Name) }

// checkRoles compares the clean training, validation and test data of a plan. Samples that two roles share are an
// error, because figures would be of samples that a probe was fitted on or alpha was chosen on; with AllowShared they
// are notes of the result, as are values of another scale and labels that cannot be of the same classes, which are also
// reported before anything is measured. Calibration data may be training data.
func (o MeasureOptions) checkRoles(ctx context.Context, plan *bench.Plan) error {
	var all []*roleData
	add := func(role string, ds datasets.Dataset) { all = append(all, &roleData{role: role, ds: ds}) }
	if plan.Train != nil {
		add("training", plan.Train)
	}
	for _, v := range plan.Vals {
		add("validation", v.Data)
	}
	for _, t := range plan.Tests {
		add("test", t.Data)
	}
	for i, r := range all {
		if err := r.read(ctx); err != nil {
			return err
		}
		plan.Shared = append(plan.Shared, r.sharedWith(all[:i])...)
		if i > 0 {
			plan.Doubts = append(plan.Doubts, r.doubts(all[0])...)
		}
	}
	if err := transferRoles(ctx, plan, all); err != nil {
		return err
	}
	all = slices.DeleteFunc(all, (*roleData).fits)
	for _, ds := range o.calibration {
		drawn := &roleData{role: "calibration", ds: ds}
		if err := drawn.read(ctx); err != nil {
			return err
		}
		plan.Shared = append(plan.Shared, drawn.sharedWith(all)...)
	}
	if len(plan.Shared) > 0 && !o.AllowShared {
		return fault.Mismatchf("%s", plan.Shared[0]).
			WithHint("remove them, or measure all the same with --allow-shared, which every result names")
	}
	for _, doubt := range plan.Doubts {
		o.Monitor.note("warning: " + doubt)
	}
	return nil
}

// read reads all samples.
func (r *roleData) read(ctx context.Context) error {
	r.hashes, r.index, r.counts = make([][32]byte, r.ds.Len()), map[[32]byte]int{}, map[int64]int{}
	sizes := make([]float64, r.ds.Len())
	var s datasets.Sample
	var raw []byte
	for i := range r.hashes {
		if err := r.ds.Read(ctx, &s, i); err != nil {
			return err
		}
		raw = s.AppendBytes(raw[:0])
		sum := 0.0
		for _, x := range s.X {
			sum += float64(x) * float64(x)
		}
		r.hashes[i], sizes[i] = sha256.Sum256(raw), math.Sqrt(sum/float64(max(1, len(s.X))))
		r.index[r.hashes[i]] = i
		if s.Label >= 0 {
			r.counts[s.Label]++
		}
	}
	if len(sizes) > 0 {
		slices.Sort(sizes)
		r.size = sizes[len(sizes)/2]
	}
	return nil
}

// sharedWith describes the samples that are also in data of another role; several test sets may show the same ones.
func (r *roleData) sharedWith(others []*roleData) (list []string) {
	for _, other := range others {
		if other.role == r.role {
			continue
		}
		count, first, there := 0, 0, 0
		for at, sum := range r.hashes {
			if k, ok := other.index[sum]; ok {
				if count++; count == 1 {
					first, there = at, k
				}
			}
		}
		verb := "are"
		if count == 1 {
			verb = "is"
		}
		if count > 0 {
			list = append(list, fmt.Sprintf("%s of %s %s in %s, too: sample %d is sample %d there",
				text.Count(count, "sample"), r, verb, other, first, there))
		}
	}
	return list
}

// Limits of doubts.
const (
	// maxScaleRatio is beyond what normalised clouds of one kind differ by: CAD models and scans, both in the unit
	// sphere, are within 1.3.
	maxScaleRatio = 2
	// minExpected is the number of samples that a class must lead to expect before its absence is no chance: none of 20
	// expected ones has a probability of exp(-20).
	minExpected = 20
)

// doubts says by what the data differ from a reference, the training data if there are any, so that figures may be
// of another task.
func (r *roleData) doubts(reference *roleData) (list []string) {
	ratio := r.size / reference.size
	if r.size > 0 && reference.size > 0 && (ratio > maxScaleRatio || ratio < 1.0/maxScaleRatio) {
		list = append(list, fmt.Sprintf("the values of %s are %.3g times as large as those of %s (root mean square %.3g and "+
			"%.3g): give both the same scale, such as with --normalize", r, ratio, reference, r.size, reference.size))
	}
	if reference.role != "training" {
		return list
	}
	n := float64(r.ds.Len()) / float64(max(1, reference.ds.Len()))
	var unknown, absent []int64
	for _, class := range slices.Sorted(maps.Keys(r.counts)) {
		if reference.counts[class] == 0 {
			unknown = append(unknown, class)
		}
	}
	for _, class := range slices.Sorted(maps.Keys(reference.counts)) {
		if r.counts[class] == 0 && float64(reference.counts[class])*n >= minExpected {
			absent = append(absent, class)
		}
	}
	if len(unknown) > 0 {
		list = append(list, fmt.Sprintf("%s has samples of %s, and %s has none: no probe answers with them",
			r, reference.classes(unknown), reference))
	}
	if len(absent) > 0 {
		list = append(list, fmt.Sprintf("%s has no sample of %s, of which the training data lead to expect %d or more each: are "+
			"the labels those of the training data?", r, reference.classes(absent), minExpected))
	}
	return list
}

// classes names classes, at most five of them.
func (r *roleData) classes(list []int64) string {
	names, known := r.ds.Info().Classes, ""
	for i, class := range list[:min(5, len(list))] {
		if i > 0 {
			known += ", "
		}
		if known += fmt.Sprint(class); class < int64(len(names)) {
			known += " (" + names[class] + ")"
		}
	}
	if len(list) > 5 {
		known += fmt.Sprintf(" and %d more", len(list)-5)
	}
	if len(list) == 1 {
		return "class " + known
	}
	return "classes " + known
}
