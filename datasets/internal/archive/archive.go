// Package archive reads files at paths that may lead into a zip or tar archive, without unpacking it: an archive counts
// as a folder, so that data.zip/chair/0.off is a member of it. Outside archives its functions are those of package os.
//
// A tar archive is read as stored, and so is a member of a zip archive that is not compressed. A compressed member is
// decompressed up to the last byte that was read, in memory up to 64 MiB and in a temporary file beyond. A compressed
// tar archive (.tar.gz) is none: members cannot be found in it without decompressing what precedes them.
//
// An archive of arrays (NPZ) is a file and no folder. Links in a tar archive are followed within it. Members that are
// encrypted, compressed in another way than by deflate, or that decompress to more than 100 times their size are
// listed, and refused when they are opened.
package archive

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/input"
)

// File is an open file. Its methods may be called concurrently, but for Read and Close.
type File interface {
	fs.File
	io.ReaderAt
}

// Open opens a regular file. An archive itself is opened as the file that it is.
func Open(path string) (File, error) {
	f, err := input.Open(path)
	if err == nil {
		return f, nil
	}
	in, name, found := within(path, err)
	if found != nil {
		return nil, found
	}
	m, err := in.open(name)
	if err != nil {
		return nil, fault.Inputf("%s: %w", path, err)
	}
	return m, nil
}

// ReadFile returns the contents of a regular file.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Stat describes a file or folder. An archive is a folder.
func Stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return info, nil
	}
	if err == nil {
		if is, err := isArchive(path, info); err != nil || !is {
			return info, err
		}
		return folderInfo{info.Name(), info.ModTime()}, nil
	}
	in, name, err := within(path, err)
	if err != nil {
		return nil, err
	}
	return in.stat(name)
}

// ReadDir returns the entries of a folder or an archive, sorted by name.
func ReadDir(path string) ([]fs.DirEntry, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return os.ReadDir(path)
	}
	if err == nil {
		in, err := indexed(path, info)
		if err != nil {
			return nil, err
		}
		return in.readDir(".")
	}
	in, name, err := within(path, err)
	if err != nil {
		return nil, err
	}
	return in.readDir(name)
}

// Glob returns the paths of the entries of a folder whose names match a pattern of [filepath.Match], sorted. A folder
// that is not there has none.
func Glob(dir, pattern string) ([]string, error) {
	entries, err := ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		info, failed := Stat(dir)
		if failed == nil && !info.IsDir() {
			return nil, nil
		}
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		ok, err := filepath.Match(pattern, e.Name())
		if err != nil {
			return nil, err
		}
		if ok {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// Is reports whether there is an archive at path.
func Is(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	is, err := isArchive(path, info)
	return is && err == nil
}

// OnlyFolder returns the path of the folder that holds everything in an archive; "" is that there is no such folder.
// Entries whose names begin with a dot do not count.
func OnlyFolder(path string) (string, error) {
	entries, err := ReadDir(path)
	if err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
	if len(entries) != 1 || !entries[0].IsDir() {
		return "", nil
	}
	return filepath.Join(path, entries[0].Name()), nil
}

// Outer returns the archive that a path leads into, and the path itself if it leads into none.
func Outer(path string) string {
	_, err := os.Stat(path)
	if err == nil {
		return path
	}
	if in, _, err := within(path, err); err == nil {
		return in.path
	}
	return path
}

// within returns the archive that path leads into, and the name of the member. Without one the error is missing: why
// path cannot be read as it is.
func within(path string, missing error) (*index, string, error) {
	for outer := filepath.Dir(path); ; outer = filepath.Dir(outer) {
		info, err := os.Stat(outer)
		if err != nil && outer != filepath.Dir(outer) {
			continue
		}
		if err != nil || !info.Mode().IsRegular() {
			return nil, "", missing
		}
		if is, err := isArchive(outer, info); err != nil || !is {
			return nil, "", missing
		}
		in, err := indexed(outer, info)
		if err != nil {
			return nil, "", err
		}
		name, err := filepath.Rel(outer, path)
		return in, filepath.ToSlash(name), err
	}
}

// isArchive reports whether a regular file is an archive, and not one of arrays.
func isArchive(path string, info fs.FileInfo) (bool, error) {
	kind, err := kindOf(path)
	if err != nil || kind == "" {
		return false, err
	}
	if kind == "tar" {
		return true, nil
	}
	in, err := indexed(path, info)
	if err != nil { // a zip file that is damaged: what reads files says how
		return false, nil
	}
	return !in.hasArrays(), nil
}

// kindOf returns "zip", "tar" or "", by the first bytes.
func kindOf(path string) (string, error) {
	f, err := input.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 262)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	switch text := string(head[:n]); {
	case strings.HasPrefix(text, "PK\x03\x04"):
		return "zip", nil
	case strings.HasSuffix(text, "ustar") && n == len(head):
		return "tar", nil
	}
	return "", nil
}
