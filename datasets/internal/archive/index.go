package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/input"
)

// index lists the members of an archive. Its file is opened for each member that is read, so that an index keeps none
// open.
type index struct {
	path    string
	size    int64
	changed time.Time
	members map[string]*member
	folders map[string][]fs.DirEntry // sorted by name; "." is the archive
}

// member is a file of an archive.
type member struct {
	name   string // its last element
	off    int64  // of its bytes in a tar archive
	size   int64
	zipped *zip.File // nil in a tar archive
	target string    // what a link leads to
	refuse string    // why it cannot be read; "" is that it can
}

// maxIndexes is how many indexes are kept: those of the data sets that a command uses at a time.
const maxIndexes = 8

var indexes struct {
	sync.Mutex
	all []*index // the last used one is last
}

// indexed returns the index of the archive at path, anew if the file has changed.
func indexed(path string, info fs.FileInfo) (*index, error) {
	indexes.Lock()
	defer indexes.Unlock()
	for i, in := range indexes.all {
		if in.path != path {
			continue
		}
		indexes.all = slices.Delete(indexes.all, i, i+1)
		if in.size == info.Size() && in.changed.Equal(info.ModTime()) {
			indexes.all = append(indexes.all, in)
			return in, nil
		}
		break
	}
	kind, err := kindOf(path)
	if err != nil {
		return nil, err
	}
	in := &index{path: path, size: info.Size(), changed: info.ModTime(),
		members: map[string]*member{}, folders: map[string][]fs.DirEntry{".": nil}}
	switch kind {
	case "zip":
		err = in.readZip()
	case "tar":
		err = in.readTar()
	default:
		return nil, &fs.PathError{Op: "readdir", Path: path, Err: errors.New("neither a folder nor a zip or tar archive")}
	}
	if err != nil {
		return nil, fault.Inputf("%s: is no %s archive that can be read: %w", path, kind, err)
	}
	in.list()
	indexes.all = append(indexes.all, in)
	if len(indexes.all) > maxIndexes {
		indexes.all = slices.Delete(indexes.all, 0, 1)
	}
	return in, nil
}

// reopened reads a file that it opens for each call.
type reopened string

func (r reopened) ReadAt(p []byte, off int64) (int, error) {
	f, err := input.Open(string(r))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(p, off)
}

func (in *index) readZip() error {
	r, err := zip.NewReader(reopened(in.path), in.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked by add
		return err
	}
	for _, f := range r.File {
		m := &member{size: int64(f.UncompressedSize64), zipped: f}
		name := strings.ReplaceAll(f.Name, `\`, "/") // some programs on Windows write it
		const encrypted = 1
		switch {
		case strings.HasSuffix(name, "/"):
			in.addFolder(name)
			continue
		case !f.Mode().IsRegular():
			m.refuse = "is a link, which is not followed in a zip archive"
		case f.Flags&encrypted != 0:
			m.refuse = "is encrypted"
		case f.Method != zip.Store && f.Method != zip.Deflate:
			m.refuse = fmt.Sprintf("is compressed by method %d, want deflate", f.Method)
		}
		if err := in.add(name, m); err != nil {
			return err
		}
	}
	return nil
}

func (in *index) readTar() error {
	f, err := input.Open(in.path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := tar.NewReader(f) // seeks over contents
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return in.checkEnd(f)
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		m := &member{size: h.Size}
		switch h.Typeflag {
		case tar.TypeDir:
			in.addFolder(h.Name)
			continue
		case tar.TypeReg:
			if m.off, err = f.Seek(0, io.SeekCurrent); err != nil {
				return err
			}
			if m.size > in.size-m.off { // the reader of a file that ends early may seek beyond the end
				return fmt.Errorf("%s: %w", h.Name, io.ErrUnexpectedEOF)
			}
			if isSparse(h) {
				m.refuse = "is stored with holes (a sparse file)"
			}
		case tar.TypeSymlink:
			m.target = path.Join(path.Dir(clean(h.Name)), h.Linkname)
		case tar.TypeLink:
			m.target = clean(h.Linkname)
		case tar.TypeXGlobalHeader:
			continue
		default:
			m.refuse = "is neither a file nor a folder"
		}
		delete(in.members, clean(h.Name)) // a later member replaces an earlier one, as tar unpacks them
		if err := in.add(h.Name, m); err != nil {
			return err
		}
	}
}

// checkEnd refuses a tar archive that does not end in zeros: a part of it is missing.
func (in *index) checkEnd(f io.ReaderAt) error {
	block := make([]byte, 512)
	if _, err := f.ReadAt(block, in.size-int64(len(block))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.Equal(block, make([]byte, len(block))) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// isSparse reports whether the contents of a file are stored as its parts.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// clean returns the name of a member as it is looked up.
func clean(name string) string { return path.Clean(strings.TrimPrefix(name, "./")) }

// add adds a member. A name that leads out of the archive, or that another member has, is an error.
func (in *index) add(name string, m *member) error {
	name = clean(name)
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("a member is named %q", name)
	}
	if isMacOS(name) {
		return nil
	}
	if in.members[name] != nil {
		return fmt.Errorf("two members are named %q", name)
	}
	m.name = path.Base(name)
	in.members[name] = m
	in.addFolder(path.Dir(name))
	return nil
}

// isMacOS reports whether a member holds attributes that only macOS reads.
func isMacOS(name string) bool {
	return strings.HasPrefix(name, "__MACOSX/") || strings.HasPrefix(path.Base(name), "._")
}

// addFolder adds a folder and those that it is in. Names that lead out of the archive have no members.
func (in *index) addFolder(name string) {
	for name = clean(name); fs.ValidPath(name); name = path.Dir(name) {
		if _, ok := in.folders[name]; ok || isMacOS(name+"/") {
			return
		}
		in.folders[name] = nil
	}
}

// list fills the folders.
func (in *index) list() {
	for name, m := range in.members {
		dir := path.Dir(name)
		in.folders[dir] = append(in.folders[dir], fs.FileInfoToDirEntry(in.infoOf(name, m)))
	}
	for name := range in.folders {
		if name != "." {
			dir := path.Dir(name)
			in.folders[dir] = append(in.folders[dir], fs.FileInfoToDirEntry(folderInfo{path.Base(name), in.changed}))
		}
	}
	for _, entries := range in.folders {
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	}
}

// hasArrays reports whether the archive is one of arrays.
func (in *index) hasArrays() bool {
	for name := range in.members {
		if !strings.Contains(name, "/") && strings.HasSuffix(name, ".npy") {
			return true
		}
	}
	return false
}

func (in *index) stat(name string) (fs.FileInfo, error) {
	if _, ok := in.folders[name]; ok {
		return folderInfo{path.Base(name), in.changed}, nil
	}
	if m := in.members[name]; m != nil {
		return in.infoOf(name, m), nil
	}
	return nil, in.missing("stat", name)
}

func (in *index) readDir(name string) ([]fs.DirEntry, error) {
	entries, ok := in.folders[name]
	if !ok {
		return nil, in.missing("readdir", name)
	}
	return slices.Clone(entries), nil
}

func (in *index) missing(op, name string) error {
	return &fs.PathError{Op: op, Path: in.path + string(os.PathSeparator) + name, Err: fs.ErrNotExist}
}

// follow returns the member that a link leads to, or the member itself.
func (in *index) follow(m *member) (*member, error) {
	const most = 40 // as Linux follows
	for range most {
		if m.target == "" {
			return m, nil
		}
		next := in.members[m.target]
		if next == nil {
			return nil, fmt.Errorf("is a link to %q, which is no file of the archive", m.target)
		}
		m = next
	}
	return nil, errors.New("is a link that leads to itself")
}

// infoOf describes a member; a link has the size of what it leads to.
func (in *index) infoOf(name string, m *member) fs.FileInfo {
	info := fileInfo{path.Base(name), m.size, in.changed}
	if to, err := in.follow(m); err == nil {
		info.size = to.size
	}
	return info
}

// fileInfo describes a member.
type fileInfo struct {
	name    string
	size    int64
	changed time.Time
}

// Name implements fs.FileInfo.
func (i fileInfo) Name() string { return i.name }

// Size implements fs.FileInfo.
func (i fileInfo) Size() int64 { return i.size }

// Mode implements fs.FileInfo.
func (fileInfo) Mode() fs.FileMode { return 0o444 }

// ModTime implements fs.FileInfo.
func (i fileInfo) ModTime() time.Time { return i.changed }

// IsDir implements fs.FileInfo.
func (fileInfo) IsDir() bool { return false }

// Sys implements fs.FileInfo.
func (fileInfo) Sys() any { return nil }

// folderInfo describes an archive or a folder in it.
type folderInfo struct {
	name    string
	changed time.Time
}

// Name implements fs.FileInfo.
func (i folderInfo) Name() string { return i.name }

// Size implements fs.FileInfo.
func (folderInfo) Size() int64 { return 0 }

// Mode implements fs.FileInfo.
func (folderInfo) Mode() fs.FileMode { return fs.ModeDir | 0o555 }

// ModTime implements fs.FileInfo.
func (i folderInfo) ModTime() time.Time { return i.changed }

// IsDir implements fs.FileInfo.
func (folderInfo) IsDir() bool { return true }

// Sys implements fs.FileInfo.
func (folderInfo) Sys() any { return nil }
