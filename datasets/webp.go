package datasets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

// checkWebP refuses a WebP picture whose frame has another size than its canvas, which is what config says, as libwebp
// does, and a lossy frame that is longer than the file. The decoder of x/image compares neither: it makes a picture of
// the frame's size, up to 16,383 x 16,383 pixels, and a buffer for as many bytes as the frame claims.
func checkWebP(file []byte, config image.Config) error {
	for chunks := file[12:]; len(chunks) >= 8; {
		kind, size, rest := string(chunks[:4]), int64(binary.LittleEndian.Uint32(chunks[4:])), chunks[8:]
		var width, height int
		switch kind {
		case "VP8 ":
			if size > int64(len(rest)) {
				return fmt.Errorf("webp: frame of %d bytes in a file with %d more", size, len(rest))
			}
			d := vp8.NewDecoder()
			d.Init(bytes.NewReader(rest), int(size))
			frame, err := d.DecodeFrameHeader()
			if err != nil {
				return err
			}
			width, height = frame.Width, frame.Height
		case "VP8L":
			frame, err := vp8l.DecodeConfig(bytes.NewReader(rest))
			if err != nil {
				return err
			}
			width, height = frame.Width, frame.Height
		default:
			if size += size & 1; size > int64(len(rest)) {
				return fmt.Errorf("webp: part of %d bytes in a file with %d more", size, len(rest))
			}
			chunks = rest[size:]
			continue
		}
		if width != config.Width || height != config.Height {
			return fmt.Errorf("webp: frame of %d x %d pixels on a canvas of %d x %d", width, height, config.Width, config.Height)
		}
		return nil
	}
	return errors.New("webp: no still picture")
}

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
