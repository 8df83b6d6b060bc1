package wiseft

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
)

const (
	// landscapeMargin is how far the grid reaches beyond the three models, in parts of their extent.
	landscapeMargin = 0.2
	// flat is the sine of the angle at the pre-trained model below which three models are on a line. Rounding a mix at alpha .5
	// of models that differ by a tenth of their norm makes an angle of 2^-11 / sqrt(12) / .05 = 3e-3 in float16, and of 3e-7 in
	// float32.
	flat = 4e-3
)

// plane has the coordinates of three models in their plane: the pre-trained one is at (0, 0), the fine-tuned one at
// (width, 0) and the third one at (x, y), by Gram-Schmidt; see [result.Landscape].
type plane struct{ width, x, y float64 }

// newPlane returns the plane of three models by the inner products of their differences from the pre-trained one: of the
// fine-tuned one with itself, of both, and of the third one with itself.
func newPlane(finetuned, both, third float64) (p plane, err error) {
	if finetuned == 0 {
		return p, fault.Mismatchf("the pre-trained and the fine-tuned model are equal, and span no plane with a third one")
	}
	p.width = math.Sqrt(finetuned)
	p.x = both / p.width
	p.y = math.Sqrt(max(third-p.x*p.x, 0))
	if !(p.y > flat*math.Sqrt(third)) {
		return p, fault.Mismatchf("the model is on the line through the pre-trained and the fine-tuned one, so that they span no plane").
			WithHint("name a model of another training, or a repaired mix: --landscape repair:0.5")
	}
	return p, nil
}

// coefficients returns those of the pre-trained, the third and the fine-tuned model in the point (x, y).
func (p plane) coefficients(x, y float64) (pretrained, third, finetuned float64) {
	third = y / p.y
	finetuned = (x - third*p.x) / p.width
	return 1 - third - finetuned, third, finetuned
}

// points returns the points that are measured, without figures: those of the path, the third model, and the grid.
func (p plane) points(third string, side int) result.Landscape {
	l := result.Landscape{Third: third, Side: side}
	for _, alpha := range defaultAlphas() {
		l.Points = append(l.Points, result.LandscapePoint{ID: fmt.Sprintf("path %g", alpha), Kind: result.PathPoint,
			X: alpha * p.width, Alpha: &alpha})
	}
	l.Points = append(l.Points, result.LandscapePoint{ID: "third model", Kind: result.ThirdPoint, X: p.x, Y: p.y})
	left, right := min(0, p.x), max(p.width, p.x)
	for j := range side {
		for i := range side {
			l.Points = append(l.Points, result.LandscapePoint{ID: fmt.Sprintf("grid %d %d", i+1, j+1), Kind: result.GridPoint,
				X: gridAt(left, right, i, side), Y: gridAt(0, p.y, j, side)})
		}
	}
	return l
}

// gridAt returns the coordinate of index i of a side of the grid, which reaches beyond low and high.
func gridAt(low, high float64, i, side int) float64 {
	d := high - low
	return low - landscapeMargin*d + float64(i)/float64(side-1)*(1+2*landscapeMargin)*d
}
