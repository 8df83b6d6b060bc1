package store

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// closingPrefix begins the line at the end of a unit's file. What follows a ZIP archive is ignored by its readers, so
// that a unit remains an NPZ file for other programs.
const closingPrefix = "wiseft.unit/1 "

// maxClosing is an upper bound of the line's bytes: kinds are short words.
const maxClosing = 256

// closing returns the line at the end of a unit's file.
func closing(kind string, key Key) string { return closingPrefix + kind + " " + string(key) + "\n" }

// payload returns the number of bytes of a unit's file before its closing line, which must be that of the unit; the
// file's size if it has none.
func payload(file io.ReaderAt, size int64, kind string, key Key) (int64, error) {
	tail := make([]byte, min(size, maxClosing))
	if n, err := file.ReadAt(tail, size-int64(len(tail))); n < len(tail) && !errors.Is(err, io.EOF) {
		return 0, err
	}
	at := strings.LastIndex(string(tail), closingPrefix)
	if at < 0 {
		return size, nil
	}
	if line := string(tail[at:]); line != closing(kind, key) {
		return 0, fmt.Errorf("the file holds another unit (%q)", strings.TrimPrefix(strings.TrimSpace(line), closingPrefix))
	}
	return size - int64(len(tail)-at), nil
}

// Unnamed returns how many units that Load has read do not say which unit they are, so that a file under another unit's
// name would not have been noticed.
func (f *Folder) Unnamed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.unnamed)
}
