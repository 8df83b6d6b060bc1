package datasets

import (
	"image"
	"image/draw"
	"math"
)

// resized returns m with its shorter side scaled to a number of pixels, or m as it is if that is 0, level by level as
// torchvision's Resize with Pillow's BILINEAR: the longer side is cut to whole pixels, and a pixel is the mean of the
// source pixels around it, weighted by a triangle whose half width is the scale, or one pixel if the picture grows.
func resized(m image.Image, shorter int) *image.NRGBA {
	bounds := m.Bounds()
	width, height := bounds.Dx(), bounds.Dy()
	p, ok := m.(*image.NRGBA)
	if !ok || p.Rect.Min != (image.Point{}) {
		p = image.NewNRGBA(image.Rect(0, 0, width, height))
		draw.Draw(p, p.Rect, m, bounds.Min, draw.Src)
	}
	switch {
	case shorter <= 0 || shorter == min(width, height):
		return p
	case width <= height:
		width, height = shorter, shorter*height/width
	default:
		width, height = shorter*width/height, shorter
	}
	across := image.NewNRGBA(image.Rect(0, 0, width, p.Rect.Dy()))
	blend(axis{across.Pix, 4, across.Stride, width}, axis{p.Pix, 4, p.Stride, p.Rect.Dx()}, p.Rect.Dy())
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	blend(axis{out.Pix, out.Stride, 4, height}, axis{across.Pix, across.Stride, 4, across.Rect.Dy()}, width)
	return out
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
func blend(dst, src axis, lines int) {
	scale := float64(src.n) / float64(dst.n)
	half := max(scale, 1) // of the triangle
	var weights []float64
	var fixed []int
	for i := range dst.n {
		middle := (float64(i) + 0.5) * scale
		from, to := max(int(middle-half+0.5), 0), min(int(middle+half+0.5), src.n)
		weights, fixed = weights[:0], fixed[:0]
		total := 0.0
		for k := from; k < to; k++ {
			w := max(0, 1-math.Abs((float64(k)-middle+0.5)*(1/half)))
			weights, total = append(weights, w), total+w
		}
		for _, w := range weights {
			fixed = append(fixed, int(w/total*(1<<weightBits)+0.5))
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
				dst.pix[at+channel] = byte(min((s+1<<(weightBits-1))>>weightBits, 255))
			}
			dst.pix[at+3] = 255
		}
	}
}

// middle returns where a square of side crop begins on an axis of n pixels, as torchvision's CenterCrop, which rounds
// halves to the even number.
func middle(n, crop int) int { return int(math.RoundToEven(float64(n-crop) / 2)) }
