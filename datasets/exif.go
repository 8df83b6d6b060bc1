package datasets

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"sync"

	"github.com/wiseft/wiseft/internal/text"
)

// turnedPictures counts pictures that are to be turned, and are not, while a data set is hashed.
type turnedPictures struct {
	mu    sync.Mutex
	files int
	first string
	once  sync.Once // for saying so
}

func (p *turnedPictures) look(path string, head []byte) {
	if o := orientation(head); o > 1 && !isTIFF(head) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.files++; p.files == 1 {
			p.first = fmt.Sprintf("%s: orientation %d", path, o)
		}
	}
}

// note describes the pictures; "" if there are none.
func (p *turnedPictures) note() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == 0 {
		return ""
	}
	return fmt.Sprintf("warning: the EXIF data of %s ask to turn the picture, which is not done, as in PyTorch's loaders "+
		"(%s); --exif does it", text.Count(p.files, "file"), p.first)
}

func isTIFF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("II*\x00")) || bytes.HasPrefix(head, []byte("MM\x00*"))
}

// orientation returns the EXIF orientation of a picture, 1 to 8, from the first bytes of its file or the whole file. It
// is 1, as stored, where there is none or it is malformed. EXIF data are a TIFF structure: in JPEG's segment APP1, in
// PNG's chunk eXIf, in WebP's chunk EXIF, and a TIFF file itself.
func orientation(file []byte) int {
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		return jpegOrientation(file)
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return chunkOrientation(file[8:], "eXIf", binary.BigEndian, true)
	case bytes.HasPrefix(file, []byte("RIFF")) && len(file) > 12:
		return chunkOrientation(file[12:], "EXIF", binary.LittleEndian, false)
	}
	return tiffOrientation(file)
}

// jpegOrientation looks for the segment APP1 before the picture.
func jpegOrientation(file []byte) int {
	for at := 2; at+4 <= len(file) && file[at] == 0xff && file[at+1] != 0xda; {
		size := int(binary.BigEndian.Uint16(file[at+2:])) + 2
		segment := file[at+4 : max(at+4, min(len(file), at+size))]
		if data, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && file[at+1] == 0xe1 {
			return tiffOrientation(data)
		}
		at += size
	}
	return 1
}

// chunkOrientation looks for a chunk of PNG, whose length comes first and checksum last, or of RIFF.
func chunkOrientation(file []byte, name string, order binary.ByteOrder, png bool) int {
	for len(file) >= 8 {
		kind, size := string(file[:4]), int(order.Uint32(file[4:]))
		behind := size & 1 // RIFF's chunks have an even length
		if png {
			kind, size, behind = string(file[4:8]), int(order.Uint32(file)), 4
		}
		file = file[8:]
		if kind == name {
			return tiffOrientation(bytes.TrimPrefix(file[:min(size, len(file))], []byte("Exif\x00\x00")))
		}
		if size < 0 || size > len(file)-behind {
			return 1
		}
		file = file[size+behind:]
	}
	return 1
}

// tiffOrientation reads tag 274 of the first directory.
func tiffOrientation(data []byte) int {
	if !isTIFF(data) || len(data) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return 1
	}
	entries := data[at+2:]
	for range order.Uint16(data[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == 274 && order.Uint16(entries[2:]) == 3 {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}

// oriented returns a picture turned and mirrored as an EXIF orientation says.
func oriented(m image.Image, orientation int) image.Image {
	if orientation <= 1 {
		return m
	}
	b := m.Bounds()
	width, height := b.Dx(), b.Dy()
	w, h := width, height
	if orientation >= 5 {
		w, h = height, width
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := x, y // in m
			if orientation >= 5 {
				u, v = y, x
			}
			if orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8 {
				u = width - 1 - u
			}
			if orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7 {
				v = height - 1 - v
			}
			out.Set(x, y, m.At(b.Min.X+u, b.Min.Y+v))
		}
	}
	return out
}
