package datasets

import (
	"image"
	"image/draw"
	"maps"
	"math"
	"slices"
)

// filter weights source pixels by their distance x from a pixel, in source pixels if the picture grows and else in pixels
// of the result. Beyond reach it is 0.
type filter struct {
	reach  float64
	weight func(x float64) float64
}

// filters are those of Pillow, by the names of torchvision's and timm's interpolations.
var filters = map[string]filter{
	"bilinear": {1, func(x float64) float64 { return max(0, 1-math.Abs(x)) }},
	"bicubic":  {2, cubic},
}

// cubic is the cubic convolution of Keys (1981) with a = -1/2.
func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

// Interpolations returns the names of the ways to scale pictures, sorted.
func Interpolations() []string { return slices.Sorted(maps.Keys(filters)) }

// DefaultInterpolation is that of torchvision's weights.
const DefaultInterpolation = "bilinear"

// resized returns m with its shorter side scaled to a number of pixels, or m as it is if that is 0, level by level as
// torchvision's Resize with Pillow's filters: the longer side is cut to whole pixels, and a pixel is the mean of the
// source pixels around it, weighted by the filter.
func resized(m image.Image, shorter int, f filter) *image.NRGBA {
	bounds := m.Bounds()
	width, height := bounds.Dx(), bounds.Dy()
	p, ok := m.(*image.NRGBA)
	if !ok || p.Rect.Min != (image.Point{}) {
		p = image.NewNRGBA(image.Rect(0, 0, width, height))
		draw.Draw(p, p.Rect, m, bounds.Min, draw.Src)
	}
	if shorter <= 0 || shorter == min(width, height) {
		return p
	}
	width, height = scaledSize(width, height, shorter)
	across := image.NewNRGBA(image.Rect(0, 0, width, p.Rect.Dy()))
	blend(axis{across.Pix, 4, across.Stride, width}, axis{p.Pix, 4, p.Stride, p.Rect.Dx()}, p.Rect.Dy(), f)
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	blend(axis{out.Pix, out.Stride, 4, height}, axis{across.Pix, across.Stride, 4, across.Rect.Dy()}, width, f)
	return out
}

// scaledSize returns the size of a picture whose shorter side is scaled to a number of pixels, above 0.
func scaledSize(width, height, shorter int) (int, int) {
	if width <= height {
		return shorter, shorter * height / width
	}
	return shorter * width / height, shorter
}

// axis is a picture seen along one of its axes: n pixels, step bytes apart, in lines line bytes apart.
type axis struct {
	pix           []byte
	step, line, n int
}

// weightBits is how many bits of a weight are behind the point, in Pillow and here: eight bits are the levels', and two
// are left for sums.
const weightBits = 32 - 8 - 2

// blend makes the pixels of dst's lines from those of src, and rounds each to a level.
func blend(dst, src axis, lines int, f filter) {
	scale := float64(src.n) / float64(dst.n)
	width := max(scale, 1) // of a pixel
	var weights []float64
	var fixed []int
	for i := range dst.n {
		middle := (float64(i) + 0.5) * scale
		from, to := max(int(middle-width*f.reach+0.5), 0), min(int(middle+width*f.reach+0.5), src.n)
		weights, fixed = weights[:0], fixed[:0]
		total := 0.0
		for k := from; k < to; k++ {
			w := f.weight((float64(k) - middle + 0.5) * (1 / width))
			weights, total = append(weights, w), total+w
		}
		for _, w := range weights {
			fixed = append(fixed, int(math.Round(w/total*(1<<weightBits))))
		}
		for line := range lines {
			var sum [3]int
			at := line*src.line + from*src.step
			for _, w := range fixed {
				pixel := src.pix[at : at+3 : at+3]
				sum[0], sum[1], sum[2] = sum[0]+w*int(pixel[0]), sum[1]+w*int(pixel[1]), sum[2]+w*int(pixel[2])
				at += src.step
			}
			at = line*dst.line + i*dst.step
			for channel, s := range sum {
				dst.pix[at+channel] = byte(min(max((s+1<<(weightBits-1))>>weightBits, 0), 255))
			}
			dst.pix[at+3] = 255
		}
	}
}

// middle returns where a square of side crop begins on an axis of n pixels, as torchvision's CenterCrop, which rounds
// halves to the even number.
func middle(n, crop int) int { return int(math.RoundToEven(float64(n-crop) / 2)) }
