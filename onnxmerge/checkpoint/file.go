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
