package datasets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/wiseft/wiseft/datasets/internal/archive"
)

// writeField adds a string to h, preceded by its length, so that different lists of fields have different hashes.
func writeField(h hash.Hash, s string) {
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(s)))
	h.Write(size[:])
	io.WriteString(h, s)
}

// hashFields returns the lower-case hexadecimal SHA-256 of a list of fields.
func hashFields(fields ...string) string {
	h := sha256.New()
	for _, f := range fields {
		writeField(h, f)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// DerivedHash returns the hash of a data set whose samples are computed from those of base as line describes. line
// must name every parameter; it usually is the line that the derived set adds to its Info.History.
func DerivedHash(ctx context.Context, base Dataset, line string) (string, error) {
	sum, err := base.Hash(ctx)
	if err != nil {
		return "", err
	}
	return hashFields("wiseft derived 1", sum, line), nil
}

// fileHash computes the hash of a data set that was read from files, once.
type fileHash struct {
	mu   sync.Mutex
	sum  string
	head func(path string, head []byte) // unless nil, receives the first inspectedSize bytes of every file
}

// inspectedSize is how many bytes at the start of a file are given to fileHash.head: what precedes EXIF data in a JPEG
// file is shorter.
const inspectedSize = 64 << 10

// of hashes the fields, which name the selection, and then the files in order.
func (c *fileHash) of(ctx context.Context, fields, files []string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sum != "" {
		return c.sum, nil
	}
	h := sha256.New()
	writeField(h, "wiseft files 1")
	for _, f := range fields {
		writeField(h, f)
	}
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		sum, err := c.file(path)
		if err != nil {
			return "", err
		}
		writeField(h, sum)
	}
	c.sum = hex.EncodeToString(h.Sum(nil))
	return c.sum, nil
}

func (c *fileHash) file(path string) (string, error) {
	f, err := archive.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if c.head != nil {
		var head bytes.Buffer
		if _, err := io.CopyN(&head, f, inspectedSize); err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		c.head(path, head.Bytes())
		h.Write(head.Bytes())
	}
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return string(h.Sum(nil)), nil
}

// keyedRand returns a generator whose stream depends only on the purpose and the keys, so that neither order nor
// threads matter.
func keyedRand(purpose string, keys ...uint64) *rand.Rand {
	h := sha256.New()
	writeField(h, purpose)
	for _, k := range keys {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], k)
		h.Write(b[:])
	}
	return rand.New(rand.NewChaCha8([32]byte(h.Sum(nil))))
}
