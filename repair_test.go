package wiseft

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// After a repair every norm's output has the mean and the deviation that its formula promises: the mixture of the
// models' own, each normalised by its own stored statistics, which forward passes of the three files confirm.
func TestRepairReachesItsGoal(t *testing.T) {
	orttest.Load(t)
	for name, net := range map[string]repairNet{
		"free batch":             {batch: -1, epsilon: 1e-5},
		"fixed batch":            {batch: 4, epsilon: 1e-5},
		"an epsilon that counts": {batch: -1, epsilon: .2},
	} {
		t.Run(name, func(t *testing.T) {
			const alpha = .3
			dir := t.TempDir()
			a := net.write(t, dir, "a.onnx")
			net.seed = 1
			b := net.write(t, dir, "b.onnx")
			data := repairData(t, 32)
			merged := filepath.Join(dir, "merged.onnx")
			r := merge(t, merged, []string{a, b}, MergeOptions{Params: method.Params{"alpha": alpha},
				Repair: &RepairOptions{Data: Data{Path: "points", Set: data}, Samples: 32, Layout: "bcn"}})
			if len(r.Repair.Layers) != 4 || r.Repair.Samples != 32 || r.Repair.Mode != "affine" {
				t.Fatalf("repair %+v", r.Repair)
			}
			checkGoal(t, net.epsilon, alpha, [3]string{a, b, merged}, data, 1e-3)
		})
	}
}

// checkGoal compares the norms of a repaired merge of two files with the mixture of theirs.
func checkGoal(t *testing.T, epsilon, alpha float64, files [3]string, data datasets.Dataset, tolerance float64) {
	t.Helper()
	for norm, input := range repairNorms {
		mean, deviation := channelMoments(t, files[2], norm, data)
		mean0, deviation0 := channelMoments(t, files[0], input, data)
		mean1, deviation1 := channelMoments(t, files[1], input, data)
		scale, bias := tensorOf(t, files[2], norm+".weight"), tensorOf(t, files[2], norm+".bias")
		r0, r1 := tensorOf(t, files[0], norm+".running_mean"), tensorOf(t, files[1], norm+".running_mean")
		v0, v1 := tensorOf(t, files[0], norm+".running_var"), tensorOf(t, files[1], norm+".running_var")
		mix := func(x, y float64) float64 { return (1-alpha)*x + alpha*y }
		for c := range mean {
			stored := mix(math.Sqrt(v0[c]+epsilon), math.Sqrt(v1[c]+epsilon))
			wantMean := bias[c] + scale[c]*(mix(mean0[c], mean1[c])-mix(r0[c], r1[c]))/stored
			want := math.Abs(scale[c]) * mix(deviation0[c], deviation1[c]) / stored
			if math.Abs(mean[c]-wantMean) > tolerance*(1+math.Abs(want)) || math.Abs(deviation[c]-want) > tolerance*want {
				t.Errorf("%s, channel %d: mean %g and deviation %g, want %g and %g", norm, c, mean[c], deviation[c],
					wantMean, want)
			}
		}
	}
}

// Without norms the activations themselves have the mixture of means and deviations, where there is a bias to hold the
// mean; a weight without one holds the deviation. Class scores are left as merged.
func TestRepairWithoutNorms(t *testing.T) {
	orttest.Load(t)
	const alpha = .6
	dir := t.TempDir()
	write := func(name string, net repairNet) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, net.plain(), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b := write("a.onnx", repairNet{}), write("b.onnx", repairNet{seed: 1})
	data := repairData(t, 32)
	for mode, hasMean := range map[string]bool{"": true, "affine": true, "scale": false} {
		out := filepath.Join(dir, "out.onnx")
		r := merge(t, out, []string{a, b}, MergeOptions{Params: method.Params{"alpha": alpha},
			Repair: &RepairOptions{Data: Data{Path: "points", Set: data}, Samples: 32, Layout: "bcn", Mode: mode}})
		if len(r.Repair.Layers) != 3 || len(r.Repair.Kept) != 1 || !strings.HasPrefix(r.Repair.Kept[0], "y: ") {
			t.Fatalf("repair %+v", r.Repair)
		}
		for _, site := range []string{"conv1", "conv2", "dense"} {
			mean, deviation := channelMoments(t, out, site, data)
			mean0, deviation0 := channelMoments(t, a, site, data)
			mean1, deviation1 := channelMoments(t, b, site, data)
			for c := range mean {
				want, wantMean := (1-alpha)*deviation0[c]+alpha*deviation1[c], (1-alpha)*mean0[c]+alpha*mean1[c]
				if math.Abs(deviation[c]-want) > 1e-3*want {
					t.Errorf("%q: %s, channel %d: deviation %g, want %g", mode, site, c, deviation[c], want)
				}
				if hasMean && site != "conv2" && math.Abs(mean[c]-wantMean) > 1e-3 {
					t.Errorf("%q: %s, channel %d: mean %g, want %g", mode, site, c, mean[c], wantMean)
				}
			}
		}
	}
	for _, end := range []float64{0, 1} {
		out := filepath.Join(dir, "out.onnx")
		r := merge(t, out, []string{a, b}, MergeOptions{Params: method.Params{"alpha": end},
			Repair: &RepairOptions{Data: Data{Path: "points", Set: data}, Samples: 8, Layout: "bcn"}})
		if len(r.Repair.Layers) != 0 {
			t.Errorf("alpha %g: %d layers are changed", end, len(r.Repair.Layers))
		}
	}
	_, err := Merge(t.Context(), filepath.Join(dir, "reset.onnx"), []string{a, b}, MergeOptions{Repair: &RepairOptions{
		Data: Data{Path: "points", Set: data}, Layout: "bcn", Mode: "reset"}}, WriteOptions{})
	if fault.KindOf(err) != fault.Mismatch || !strings.Contains(err.Error(), "no running statistics to reset") {
		t.Errorf("reset: %v", err)
	}
}

// A network that normalises its activations itself is measured and left alone, unless a mode is named.
func TestRepairMeasuresSelfNormalised(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	var paths []string
	for i := range 2 {
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("%d.onnx", i)))
		if err := os.WriteFile(paths[i], repairNet{seed: uint64(i), normed: true}.plain(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	plain, measured := filepath.Join(dir, "plain.onnx"), filepath.Join(dir, "measured.onnx")
	merge(t, plain, paths, MergeOptions{})
	opt := RepairOptions{Data: Data{Path: "points", Set: repairData(t, 20)}, Layout: "bcn"}
	r := merge(t, measured, paths, MergeOptions{Repair: &opt})
	if r.Repair.Mode != "auto" || len(r.Repair.Layers) != 3 || len(r.Repair.Tensors()) != 0 ||
		!strings.Contains(r.Repair.String(), "normalises its activations itself") {
		t.Errorf("repair %s", r.Repair)
	}
	m, _ := onnxtest.Open(t, plain)
	for _, x := range m.Tensors {
		if !slices.Equal(tensorOf(t, plain, x.ID()), tensorOf(t, measured, x.ID())) {
			t.Errorf("%s has changed", x.ID())
		}
	}
	opt.Mode = "scale"
	if r := merge(t, measured, paths, MergeOptions{Repair: &opt}); len(r.Repair.Tensors()) != 5 {
		t.Errorf("with a mode: %q are corrected", r.Repair.Tensors())
	}
}

// At the ends, and between equal models, the statistics are those of the models, whatever the data.
func TestRepairCopiesEnds(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	opt := RepairOptions{Data: Data{Path: "points", Set: repairData(t, 6)}, Samples: 3, Layout: "bcn"}
	for _, test := range []struct {
		models []string
		alpha  float64
		same   string
		mode   string
	}{
		{[]string{a, b}, 0, a, ""}, {[]string{a, b}, 1, b, ""}, {[]string{a, b}, 0, a, "reset"},
		{[]string{a, a}, .5, a, ""}, {[]string{b, b}, .7, b, "reset"},
	} {
		out := filepath.Join(dir, "out.onnx")
		opt.Mode = test.mode
		r := merge(t, out, test.models, MergeOptions{Params: method.Params{"alpha": test.alpha}, Repair: &opt})
		if len(r.Repair.Layers) != 0 {
			t.Errorf("alpha %g: %d layers are measured", test.alpha, len(r.Repair.Layers))
		}
		want, _ := onnxtest.Open(t, test.same)
		for _, x := range want.Tensors {
			if !slices.Equal(tensorOf(t, out, x.ID()), tensorOf(t, test.same, x.ID())) {
				t.Errorf("alpha %g: %s is not that of %s", test.alpha, x.ID(), filepath.Base(test.same))
			}
		}
	}
}

// The bytes do not depend on the number of workers and threads, and the numbers not on how much memory holds activations
// between passes.
func TestRepairIsReproducible(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	var first []byte
	for _, test := range []struct{ workers, threads int }{{1, 1}, {8, 1}, {1, 2}, {8, 4}} {
		out := filepath.Join(dir, "out.onnx")
		merge(t, out, []string{a, b}, MergeOptions{Workers: test.workers, Repair: &RepairOptions{
			Data: Data{Path: "points", Set: repairData(t, 40)}, Layout: "bcn", Runtime: RuntimeOptions{Threads: test.threads}}})
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(data, first) {
			t.Errorf("%+v: other bytes", test)
		}
	}
	list, err := openModels([]string{a, b})
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	plan, err := planModels(t.Context(), list, nil, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var whole *onnxmerge.Repair
	for _, memory := range []int64{1 << 30, 40 << 10, 1} { // all activations, those behind the second norm, none
		c, err := newCalibration(t.Context(), plan, list[1], RepairOptions{Data: Data{Path: "points", Set: repairData(t, 40)},
			Layout: "bcn"}, memory)
		if err != nil {
			t.Fatal(err)
		}
		_, record, err := c.repair(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		if whole == nil {
			whole = record
		}
		for i, layer := range record.Layers { // the runtime fuses other operators, which round otherwise
			if want := whole.Layers[i]; layer.Name != want.Name || math.Abs(layer.Factor-want.Factor) > 1e-6 {
				t.Errorf("with %d bytes of memory: %+v, want %+v", memory, layer, want)
			}
		}
	}
}

// A repaired model agrees with its provenance: without the data its statistics are named as not compared, with the same
// data they are measured again, and a change of one is found.
func TestVerifyRepaired(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	points, other := filepath.Join(dir, "points.npz"), filepath.Join(dir, "other.npz")
	writeNPZ(t, points, repairData(t, 40))
	writeNPZ(t, other, repairData(t, 39))
	out := filepath.Join(dir, "out.onnx")
	merge(t, out, []string{filepath.Join(dir, "a.onnx"), b},
		MergeOptions{Repair: &RepairOptions{Data: Data{Path: points}, Samples: 10, Seed: 3, Layout: "bcn"}})
	r, err := Verify(t.Context(), out, VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "8 tensors are statistics that were measured on 10 samples of points.npz") {
		t.Errorf("notes %q", r.Notes)
	}
	with, err := Verify(t.Context(), out, VerifyOptions{Repaired: points})
	if err != nil {
		t.Fatal(err)
	}
	if len(with.Notes) != 0 || with.Tensors != r.Tensors+8 {
		t.Errorf("%d tensors compared with the data, %d without; notes %q", with.Tensors, r.Tensors, with.Notes)
	}
	if _, err := Verify(t.Context(), out, VerifyOptions{Repaired: other}); fault.KindOf(err) != fault.Mismatch {
		t.Errorf("other data: %v", err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := onnxtest.Open(t, out)
	i := slices.IndexFunc(m.Tensors, func(x *onnx.Tensor) bool { return x.ID() == "norm2.running_var" })
	raw := make([]byte, m.Tensors[i].SizeBytes())
	if err := m.Tensors[i].ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	data[bytes.Index(data, raw)+2] ^= 0x20 // by 1/4 of the value
	if err := os.WriteFile(out, data, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(t.Context(), out, VerifyOptions{Repaired: points})
	if err == nil || !strings.Contains(err.Error(), "norm2.running_var") {
		t.Errorf("a changed statistic: %v", err)
	}
}

func writeNPZ(t *testing.T, path string, ds datasets.Dataset) {
	t.Helper()
	var b bytes.Buffer
	if err := datasets.WriteNPZ(t.Context(), &b, ds); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A channel that does not vary keeps the scale of the mixed statistics, and is named.
func TestRepairNamesDeadChannels(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5, dead: true}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, dead: true, seed: 1}.write(t, dir, "b.onnx")
	out := filepath.Join(dir, "out.onnx")
	r := merge(t, out, []string{a, b}, MergeOptions{Repair: &RepairOptions{Data: Data{Path: "points", Set: repairData(t, 20)},
		Layout: "bcn"}})
	if layer := r.Repair.Layers[0]; !slices.Equal(layer.Dead, []int{0}) || layer.Name != "norm1" {
		t.Fatalf("layer %+v", layer)
	}
	v0, v1 := tensorOf(t, a, "norm1.running_var")[0], tensorOf(t, b, "norm1.running_var")[0]
	deviation := (math.Sqrt(v0+1e-5) + math.Sqrt(v1+1e-5)) / 2
	if got := tensorOf(t, out, "norm1.running_var")[0]; math.Abs(got-(deviation*deviation-1e-5)) > 1e-6 {
		t.Errorf("variance %g, want %g", got, deviation*deviation-1e-5)
	}
}

// What cannot be repaired is refused with the reason.
func TestRepairRefuses(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	net := repairNet{batch: -1, epsilon: 1e-5}
	a := net.write(t, dir, "a.onnx")
	net.seed = 1
	b := net.write(t, dir, "b.onnx")
	net.training = true
	training := net.write(t, dir, "training.onnx")
	net.training, net.batch = false, 64
	fixed := net.write(t, dir, "fixed.onnx")
	plain := doubtlessPair(t, dir)
	data := Data{Path: "points", Set: repairData(t, 20)}
	for _, test := range []struct {
		name   string
		models []string
		opt    MergeOptions
		repair RepairOptions
		want   string
		kind   fault.Kind
	}{
		{"a method without coefficients", []string{a, b}, MergeOptions{Method: "slerp"}, RepairOptions{},
			"has no coefficient of every model", fault.Mismatch},
		{"extrapolation", []string{a, b}, MergeOptions{Params: method.Params{"alpha": 9.}, Extrapolate: true}, RepairOptions{},
			"a negative deviation as its goal", fault.Mismatch},
		{"training mode", []string{a, training}, MergeOptions{}, RepairOptions{}, "in training mode", fault.Mismatch},
		{"nothing but scores", plain, MergeOptions{}, RepairOptions{}, "its output is the model's", fault.Mismatch},
		{"an unknown mode", []string{a, b}, MergeOptions{}, RepairOptions{Mode: "mean"}, "no repair mode", fault.Usage},
		{"too many samples", []string{a, b}, MergeOptions{}, RepairOptions{Samples: 21}, "and points has 20", fault.Usage},
		{"fewer samples than a batch", []string{a, fixed}, MergeOptions{}, RepairOptions{}, "takes batches of 64", fault.Usage},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.repair.Data, test.repair.Layout = data, "bcn"
			test.opt.Repair = &test.repair
			out := filepath.Join(t.TempDir(), "out.onnx")
			_, err := Merge(t.Context(), out, test.models, test.opt, WriteOptions{})
			if fault.KindOf(err) != test.kind || !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a model was written")
			}
		})
	}
}

// doubtlessPair returns two models without norms.
func doubtlessPair(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	for i, name := range []string{"plain-a.onnx", "plain-b.onnx"} {
		b := &onnxtest.Builder{}
		b.Input("x", -1, 3, -1)
		w := onnxtest.Random(1, 12)
		if i > 0 {
			w = onnxtest.Near(w, 2)
		}
		b.Tensor("weight", w, 4, 3, 1)
		b.Node("y", "Conv", "x", "weight")
		paths = append(paths, filepath.Join(dir, name))
		if err := os.WriteFile(paths[i], b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// A repair's moves are the distances between the tensors of the files that merges with and without it write.
func TestRepairMoves(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	net := repairNet{batch: -1, epsilon: 1e-5}
	a := net.write(t, dir, "a.onnx")
	net.seed = 1
	b := net.write(t, dir, "b.onnx")
	opt := MergeOptions{Params: method.Params{"alpha": .3}}
	mixed, repaired := filepath.Join(dir, "mixed.onnx"), filepath.Join(dir, "repaired.onnx")
	merge(t, mixed, []string{a, b}, opt)
	opt.Repair = &RepairOptions{Data: Data{Path: "points", Set: repairData(t, 16)}, Samples: 16, Layout: "bcn"}
	record := merge(t, repaired, []string{a, b}, opt).Repair
	plan, err := PlanMerge(t.Context(), []string{a, b}, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	c, err := newCalibration(t.Context(), plan.Plan, plan.inputs[1], *opt.Repair, 0)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := c.changed(t.Context(), plan.Plan)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.moved(t.Context(), plan.Plan, changed)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(record.Tensors()); n == 0 || len(got.Layers) != n || got.Mode != "affine" {
		t.Fatalf("%d tensors moved by %q, want %d", len(got.Layers), got.Mode, n)
	}
	depth := 0.0
	for _, m := range got.Layers {
		x, y := tensorOf(t, mixed, m.Tensor), tensorOf(t, repaired, m.Tensor)
		square, norm := 0.0, 0.0
		for i := range x {
			square, norm = square+(y[i]-x[i])*(y[i]-x[i]), norm+x[i]*x[i]
		}
		if want := math.Sqrt(square / norm); m.Moved == nil || math.Abs(*m.Moved-want) > 1e-12 || want == 0 {
			t.Errorf("%s: moved %v, want %g, not 0", m.Tensor, m.Moved, want)
		}
		depth = max(depth, m.Depth)
	}
	if depth == 0 {
		t.Error("all tensors are at depth 0")
	}
}
