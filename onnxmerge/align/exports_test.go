package align_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/align"
)

// All exports of one network have the same groups, however its operators are written. Where an exporter ties units
// together that others leave apart, there are fewer.
func TestExportsAgree(t *testing.T) {
	t.Parallel()
	want := map[string][2]int{ // groups, and units of all of them
		"bert": {10, 68}, "branches": {7, 48}, "cross_attention": {10, 40}, "depthwise": {6, 22}, "dgcnn": {5, 38},
		"mlp": {4, 44}, "point_transformer": {11, 88}, "pointnet": {12, 111}, "pointnet2": {8, 72}, "recurrent": {3, 12},
		"resnet": {6, 30}, "senet": {6, 48}, "unet": {13, 54}, "vit": {7, 52},
	}
	fewer := map[string][2]int{
		"bert/a_dynamo": {9, 60}, "bert/a_keep": {9, 60}, // table of words and decoder are one weight
		"cross_attention/a_dynamo": {9, 32}, "cross_attention/a_keep": {9, 32}, // so are query, key and value
		"cross_attention/a_dynamo_optimized": {7, 26}, "cross_attention/a_slim": {8, 34}, // folded with the queries
		"pointnet/a_dynamo": {9, 92}, // the identity matrix is computed from indices
		// layers have one computed initial state
		"recurrent/a_dynamo": {2, 8}, "recurrent/a_fold": {2, 8}, "recurrent/a_hashed": {2, 8}, "recurrent/a_slim": {2, 8},
	}
	paths, err := filepath.Glob("../pair/testdata/corpus/*/a_*.onnx.gz")
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d exports, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(shortName(path), ".onnx.gz")
		architecture, _, _ := strings.Cut(name, "/")
		expected, tied := fewer[name]
		if !tied {
			expected = want[architecture]
		}
		groups := align.Find(openModel(t, path))
		units := 0
		for _, g := range groups.List {
			units += g.Size
		}
		if got := [2]int{len(groups.List), units}; got != expected {
			t.Errorf("%s: groups and units are %v, want %v; frozen %v", name, got, expected, groups.Frozen)
		}
	}
}
