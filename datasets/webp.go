package datasets

import "image"

// webpRGB returns the RGB of a lossy WebP picture as libwebp computes it (dsp/yuv.h, dsp/upsampling.c), which Pillow
// and PyTorch use: levels from 16 to 235, and colours interpolated between the four samples around a pixel. The decoder
// of x/image leaves both out: its pictures count as those of JPEG.
func webpRGB(p *image.YCbCr) *image.RGBA {
	width, height := p.Rect.Dx(), p.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	cb, cr := make([]int, width), make([]int, width)
	rows := (height + 1) / 2
	for y := range height {
		near := y / 2
		far := max(0, min(rows-1, near-1+y%2*2))
		spread(cb, p.Cb[near*p.CStride:], p.Cb[far*p.CStride:])
		spread(cr, p.Cr[near*p.CStride:], p.Cr[far*p.CStride:])
		for x := range width {
			luma := int(p.Y[y*p.YStride+x]) * 19077 >> 8
			pixel := out.Pix[y*out.Stride+4*x:]
			pixel[0] = clip6(luma + cr[x]*26149>>8 - 14234)
			pixel[1] = clip6(luma - cb[x]*6419>>8 - cr[x]*13320>>8 + 8708)
			pixel[2] = clip6(luma + cb[x]*33050>>8 - 17685)
			pixel[3] = 255
		}
	}
	return out
}

// clip6 returns a level with 6 bits behind the point as a byte.
func clip6(v int) byte { return byte(max(0, min(255, v>>6))) }

// spread sets dst to a row of colours at full width: 9/16, 3/16, 3/16 and 1/16 of the four samples around each pixel,
// of which near and far are the rows, with libwebp's rounding.
func spread(dst []int, near, far []byte) {
	for x := range dst {
		i := x / 2
		other := i - 1 + x%2*2
		if other < 0 || other >= (len(dst)+1)/2 {
			dst[x] = (3*int(near[i]) + int(far[i]) + 2) >> 2
			continue
		}
		// diagonal is the mean of the far-side pair and the near-side one, weighted 3 to 1 towards this pair.
		a, b, c, d := int(near[i]), int(near[other]), int(far[i]), int(far[other])
		diagonal := (a + b + c + d + 8 + 2*(b+c)) >> 3
		dst[x] = (diagonal + a) >> 1
	}
}
