package checkpoint

import (
	"context"
	"io"

	"github.com/wiseft/wiseft/onnxmerge/internal/digest"
)

// File is a file of a checkpoint that is hashed while it is read: reading it again for its hash would take a fifth of the time
// in which a model gets its weights. It is safe for concurrent use.
type File struct{ tap *digest.Tap }

// NewFile returns a file of size bytes, which r must have as long as the file is in use.
func NewFile(r io.ReaderAt, size int64) *File { return &File{digest.NewTap(r, size, digest.XXH3)} }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.tap.ReadAt(p, off) }

// TrackHash begins to hash what is read in the order of the file. Pieces that are read ahead of that wait in memory, in at most so
// many bytes.
func (f *File) TrackHash(memoryBytes int) { f.tap.Start(memoryBytes) }

// Hash returns the 128-bit XXH3 of the whole file in lower-case hexadecimal. It reads what TrackHash has not hashed.
func (f *File) Hash(ctx context.Context) (string, error) { return f.tap.Sum(ctx) }

// View is bytes of a payload in memory that is shared with the system's cache of the file. Close it. It is safe for concurrent use
// until then.
type View struct{ view *digest.View }

// Use calls f with the bytes, which f may not change nor keep. It returns an error if the file does not have them any more.
func (v *View) Use(f func(data []byte)) error { return v.view.Use(f) }

// Close ends the use of the bytes. They are hashed then, if TrackHash was called.
func (v *View) Close() error { return v.view.Close() }

// View returns size > 0 bytes of the payload from off on; nil if the payload is not part of a file as ReadAt gives it, or the system
// does not have files in memory.
func (t *Tensor) View(off, size int64) *View {
	if t.file == nil || off < 0 || size > t.SizeBytes()-off {
		return nil
	}
	v, err := t.file.tap.View(t.off+off, size)
	if err != nil {
		return nil // reading says what is wrong with the file
	}
	return &View{v}
}

// setPlace remembers that the payload is the bytes of r from off on.
func (t *Tensor) setPlace(r io.ReaderAt, off int64) {
	if section, ok := r.(*io.SectionReader); ok {
		var first int64
		r, first, _ = section.Outer()
		off += first
	}
	if f, ok := r.(*File); ok {
		t.file, t.off = f, off
	}
}
