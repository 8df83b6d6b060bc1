package align_test

import (
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// Fine-tuning leaves every unit where it was; networks that were trained differently have moved. Of the two OCR models
// 6 of 3,600 units are a little more like each other's neighbours.
func TestFineTunesStay(t *testing.T) {
	models := sharedtest.Path(t, "data", "models")
	for _, c := range []struct {
		from, to    string
		least, most int // units that move
	}{
		{"pointnet/pointnet_marcusforte_early.onnx", "pointnet/pointnet_marcusforte_late.onnx", 0, 0},
		{"pointssl/pointssl_base_backbone.onnx", "pointssl/pointssl_ft1_backbone.onnx", 0, 0},
		{"ocr/en_PP-OCRv3_det.onnx", "ocr/multilingual_PP-OCRv3_det.onnx", 0, 10},
		{"magika/standard_v3_2.onnx", "magika/standard_v3_3.onnx", 100, 250},
		{"pointnet/pointnet_3dcertify_natural.onnx", "pointnet/pointnet_3dcertify_fgsm.onnx", 700, 1600},
	} {
		t.Run(filepath.Base(c.from), func(t *testing.T) {
			a, b := openModel(t, filepath.Join(models, c.from)), openModel(t, filepath.Join(models, c.to))
			match, err := align.Find(a).MatchWeights(t.Context(), a, align.MatchOptions{Starts: 2,
				Reference: func(x *onnx.Tensor) *onnx.Tensor { return b.Lookup(x.ID()) }})
			if err != nil {
				t.Fatal(err)
			}
			moved, units := 0, 0
			for i, g := range match.Groups {
				moved, units = moved+g.Moved, units+len(match.Permutations[i])
				t.Logf("group %d: %d of %d moved, cosine %.4f to %.4f", i, g.Moved, len(match.Permutations[i]), g.Before, g.After)
			}
			t.Logf("%d of %d moved, sum %g to %g, start %d", moved, units, match.Before, match.After, match.Start)
			if moved < c.least || moved > c.most {
				t.Errorf("%d of %d units moved, want %d to %d", moved, units, c.least, c.most)
			}
		})
	}
}
