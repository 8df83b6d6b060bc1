package datasets

import "image"

// withChroma returns a decoded picture. If it is a JPEG file's with colours at half the resolution, they are
// interpolated as libjpeg does (jdsample.c, "fancy upsampling"), which PyTorch's, Pillow's and OpenCV's pictures come
// from: weights of 3/4 and 1/4 towards the next sample along each halved axis. The decoder of the standard library
// repeats them, which is left as it is for the rare other ratios (4:4:0, 4:1:1, 4:1:0).
func withChroma(m image.Image) image.Image {
	p, ok := m.(*image.YCbCr)
	if !ok || p.Rect.Min != (image.Point{}) ||
		p.SubsampleRatio != image.YCbCrSubsampleRatio420 && p.SubsampleRatio != image.YCbCrSubsampleRatio422 {
		return m
	}
	width, height := p.Rect.Dx(), p.Rect.Dy()
	full := image.NewYCbCr(p.Rect, image.YCbCrSubsampleRatio444)
	for y := range height {
		copy(full.Y[y*full.YStride:][:width], p.Y[y*p.YStride:][:width])
	}
	for _, plane := range []struct{ dst, src []byte }{{full.Cb, p.Cb}, {full.Cr, p.Cr}} {
		c := chroma{plane.src, p.CStride, (width + 1) / 2, height}
		for y := range height {
			row := plane.dst[y*full.CStride:][:width]
			if p.SubsampleRatio == image.YCbCrSubsampleRatio420 {
				c.row420(row, y)
			} else {
				c.row422(row, y)
			}
		}
	}
	return full
}

// chroma is a plane of half the width of its picture, whose height is in pixels of the picture.
type chroma struct {
	samples       []byte
	stride, width int
	height        int
}

// row420 sets dst to row y of the picture, from a plane of half the height.
func (c chroma) row420(dst []byte, y int) {
	rows := (c.height + 1) / 2
	near, far := y/2, y/2-1+y%2*2
	far = max(0, min(rows-1, far))
	a, b := c.samples[near*c.stride:][:c.width], c.samples[far*c.stride:][:c.width]
	sum := func(i int) int { return 3*int(a[i]) + int(b[i]) } // 4 times the value between the rows
	for x := range dst {
		i, other := x/2, x/2-1+x%2*2
		if other < 0 || other >= c.width {
			dst[x] = byte((4*sum(i) + 8 - x%2) >> 4)
			continue
		}
		dst[x] = byte((3*sum(i) + sum(other) + 8 - x%2) >> 4) // libjpeg alternates the direction of rounding
	}
}

// row422 sets dst to row y of the picture, from a plane of its height.
func (c chroma) row422(dst []byte, y int) {
	a := c.samples[y*c.stride:][:c.width]
	for x := range dst {
		i, other := x/2, x/2-1+x%2*2
		if other < 0 || other >= c.width {
			dst[x] = a[i]
			continue
		}
		dst[x] = byte((3*int(a[i]) + int(a[other]) + 1 + x%2) >> 2)
	}
}
