package onnxmerge

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
)

// Plans that write the same tensors have equal keys; every change of a written byte changes the key.
func TestKey(t *testing.T) {
	t.Parallel()
	pretrained, finetuned := local("pretrained.onnx"), local("finetuned.onnx")
	key := func(a, b string, opt Options) string {
		plan, err := planPair(t.Context(), openPath(t, a), openPath(t, b), opt)
		if err != nil {
			t.Fatal(err)
		}
		k, err := plan.Key(t.Context())
		if err != nil || len(k) != 64 {
			t.Fatalf("key %q (%v)", k, err)
		}
		return k
	}
	alpha := func(v float64) method.Params { return method.Params{"alpha": v} }
	base := Options{Params: alpha(0.3)}
	set := func(match string) Options {
		return Options{Params: alpha(0.3), Set: []Override{{Match: match, Params: alpha(0.9)}}}
	}
	want := key(pretrained, finetuned, base)
	for name, opt := range map[string]Options{
		"workers and memory": {Params: alpha(0.3), Workers: 3, Memory: 1 << 28},
		"all by pattern":     {Params: alpha(0.3), Include: []string{"*"}},
	} {
		if got := key(pretrained, finetuned, opt); got != want {
			t.Errorf("%s changes the key", name)
		}
	}
	// Another model of the same structure and names.
	plan, err := planPair(t.Context(), openPath(t, pretrained), openPath(t, finetuned), base)
	if err != nil {
		t.Fatal(err)
	}
	var merged bytes.Buffer
	if _, err := Run(t.Context(), &merged, plan, nil); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "merged.onnx")
	if err := os.WriteFile(other, merged.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{want: "nothing"}
	for name, k := range map[string]string{
		"alpha":        key(pretrained, finetuned, Options{Params: alpha(0.4)}),
		"method":       key(pretrained, finetuned, Options{Method: "lines", Params: method.Params{}}),
		"exclusion":    key(pretrained, finetuned, Options{Params: alpha(0.3), Exclude: []string{"fc2*"}}),
		"one tensor":   key(pretrained, finetuned, set("fc1*")),
		"other tensor": key(pretrained, finetuned, set("fc2*")),
		"other bytes":  key(pretrained, other, base),
		"turned round": key(finetuned, pretrained, base),
		"one model":    key(finetuned, finetuned, base),
	} {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[k] = name
	}
	plan, err = planPair(t.Context(), openPath(t, pretrained), openPath(t, finetuned), Options{Params: alpha(0.9)})
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = plan.With(alpha(0.3)); err != nil {
		t.Fatal(err)
	}
	if got, err := plan.Key(t.Context()); err != nil || got != want {
		t.Errorf("a plan with other parameters keeps its old key (%v)", err)
	}
}
