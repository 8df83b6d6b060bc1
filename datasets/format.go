package datasets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
)

// OpenOptions selects a data set where a path holds several, and sets how surfaces and images become samples.
type OpenOptions struct {
	// Split is "train", "test" or another name that the data has. "" selects the only split there is. Data without
	// splits (a single file) ignores it.
	Split string
	// Format is a registered name; "" recognises the format by the contents.
	Format string
	// Points is how many points are drawn from each mesh, with Seed; 0 means 1,024. Data that holds points ignores
	// both.
	Points int
	Seed   uint64
	// Resize is the length of the shorter side of images in pixels, and Crop the side of the square that is then cut
	// from the middle; 0 leaves out that step. Other data ignores both.
	Resize, Crop int
	// Interpolation is how images are scaled, one of [Interpolations]; "" is [DefaultInterpolation].
	Interpolation string
	// EXIF turns pictures as their EXIF orientation says. The loaders of PyTorch do not.
	EXIF bool
	// Samples and Target name the arrays of a file that holds several; "" finds them. Target may also be a file of
	// labels: a name inside the data wins.
	Samples, Target string
	// Inputs are those of the model that the samples are for, without inputs that are constant: arrays that have their
	// names are taken first, and not ignored. Nil reads samples by themselves.
	Inputs []arrays.Input
	// Note, if not nil, receives what was taken where the data leave it open, and what should be known about them: one
	// line each, which is also among Info.Notes.
	Note func(line string)
}

// Format reads one kind of data set.
type Format struct {
	Name string
	Doc  string // one line: what the files look like
	// Match reports whether path holds this format, by its contents. An error means that path cannot be read at all.
	Match func(path string) (bool, error)
	// Open indexes the data set and validates what can be validated without reading
	// every value. Malformed data gives a *FormatError.
	Open func(ctx context.Context, path string, opt OpenOptions) (Dataset, error)
}

// FormatError reports data that is malformed, or of a kind that is not supported.
type FormatError struct {
	Path   string // file or folder
	Detail string // where in it, what was expected, and what was found
}

func (e *FormatError) Error() string { return e.Path + ": " + e.Detail }

// Kind implements the kinds of wiseft.KindOf: malformed data is Input.
func (e *FormatError) Kind() fault.Kind { return fault.Input }

func malformed(path, format string, args ...any) error {
	return &FormatError{Path: path, Detail: fmt.Sprintf(format, args...)}
}

var formats = registry.New[Format]("data format")

// Register adds a format, under a name that no other format has. A format of another program is registered
// before its first call of [Open], for example in an init function. Register panics if a field is not set or
// the name is taken.
func Register(f Format) {
	if f.Name == "" || f.Doc == "" || f.Match == nil || f.Open == nil {
		panic("datasets: a field of the format " + f.Name + " is not set")
	}
	formats.Register(f.Name, f)
}

// Formats returns all formats, sorted by name.
func Formats() []Format { return formats.All() }

// Lookup returns the format of a name. The error, of the kind Usage of wiseft.KindOf, lists the names.
func Lookup(name string) (Format, error) { return formats.Lookup(name) }

// Open opens the data set at path, which the caller must close. A zip or tar archive is read in place, as the folder
// that it was made of, and path may lead into it (data.zip/train). The format is the one that opt names, or else the
// one that recognises the contents. If none or several recognise them, the error is a *FormatError that describes the
// contents.
func Open(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	opt.Interpolation = cmp.Or(opt.Interpolation, DefaultInterpolation)
	if _, ok := filters[opt.Interpolation]; !ok {
		return nil, fmt.Errorf("datasets: there is no interpolation %q", opt.Interpolation)
	}
	places, err := inside(path)
	if err != nil {
		return nil, err
	}
	if opt.Format != "" {
		f, err := Lookup(opt.Format)
		if err != nil {
			return nil, err
		}
		path, _, err = f.find(places)
		if err != nil {
			return nil, err
		}
		return f.opened(ctx, path, opt)
	}
	for _, path := range places {
		matches, err := matching(path)
		if err != nil {
			return nil, err
		}
		switch len(matches) {
		case 0:
		case 1:
			return matches[0].opened(ctx, path, opt)
		default:
			names := make([]string, len(matches))
			for i, f := range matches {
				names[i] = f.Name
			}
			return nil, malformed(path, "matches several formats (%s); choose one", strings.Join(names, ", "))
		}
	}
	return nil, malformed(path, "is not a data set of a supported format: found %s; supported formats: %s",
		describe(path), strings.Join(formats.Names(), ", "))
}

// FileOf returns the zip or tar archive that path leads into, and path itself if it leads into none.
func FileOf(path string) string { return archive.Outer(path) }

// FilesOf returns the files and folders that the data at path are read from: [FileOf], and the file of labels beside an
// NPY file.
func FilesOf(path string) []string {
	if labels := arrays.LabelFile(path, isFile); strings.HasSuffix(path, ".npy") && labels != "" {
		return []string{FileOf(path), labels}
	}
	return []string{FileOf(path)}
}

// matching returns the formats that recognise what is at path.
func matching(path string) (matches []Format, err error) {
	for _, f := range Formats() {
		ok, err := f.Match(path)
		if err != nil && (!errors.Is(err, syscall.ENOTDIR) || archive.Outer(path) == path) {
			return nil, err // and else it is a format that does not read archives
		}
		if ok {
			matches = append(matches, f)
		}
	}
	return matches, nil
}

// find returns the first place that the format recognises, or else the last one.
func (f Format) find(places []string) (path string, found bool, err error) {
	for _, path = range places {
		if found, err = f.Match(path); found || err != nil {
			break
		}
	}
	return path, found, err
}

// inside returns the places where the data set at path may be, in the order to look: path itself and, in an archive
// that has one folder only, that folder, which usually stands for the archive's name. Data of one class are such a
// folder too, so that path comes first if the folder has the files or the splits of a class.
func inside(path string) ([]string, error) {
	info, err := archive.Stat(path)
	if err != nil || !info.IsDir() || !archive.Is(path) {
		return []string{path}, err
	}
	inner, err := archive.OnlyFolder(path)
	if err != nil || inner == "" {
		return []string{path}, err
	}
	classes, err := subfolders(inner)
	if err != nil {
		return nil, err
	}
	isSplit := func(name string) bool { return slices.Contains(splitNames, name) }
	if slices.ContainsFunc(classes, func(name string) bool { return !isSplit(name) }) {
		return []string{inner, path}, nil
	}
	return []string{path, inner}, nil
}

// opened opens a data set and passes its notes on.
func (f Format) opened(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	ds, err := f.Open(ctx, path, opt)
	if err != nil {
		return nil, err
	}
	for _, line := range ds.Info().Notes {
		opt.note(line)
	}
	return ds, nil
}

func (opt OpenOptions) note(line string) {
	if opt.Note != nil {
		opt.Note(line)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// describe returns a short description of what is at path.
func describe(path string) string {
	info, err := archive.Stat(path)
	if err != nil {
		return err.Error()
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return "a device, a pipe or a socket, of which no data is read"
	}
	if !info.IsDir() {
		head, err := readHead(path, headSize)
		switch {
		case err != nil:
			return err.Error()
		case len(head) == 0:
			return "an empty file"
		case strings.HasPrefix(string(head), "\x1f\x8b"):
			return "a gzip file, which must be decompressed first (gunzip); a .tar is then read as it is"
		}
		start := fmt.Sprintf("a file of %d bytes that starts with %q", info.Size(), head[:min(8, len(head))])
		if strings.HasPrefix(string(head), "PK\x03\x04") {
			start += ", as a zip archive does, but it has no index that can be read"
		}
		return start
	}
	entries, err := archive.ReadDir(path)
	switch {
	case err != nil:
		return err.Error()
	case len(entries) == 0:
		return "an empty folder"
	}
	names := make([]string, 0, 3)
	for _, e := range entries[:min(3, len(entries))] {
		names = append(names, e.Name())
	}
	if len(entries) > len(names) {
		names = append(names, fmt.Sprintf("%d more", len(entries)-len(names)))
	}
	return "a folder with " + strings.Join(names, ", ")
}

// readHead returns the first n bytes of a regular file, or the whole file if it is shorter. For anything else
// (folder, pipe, device) it returns nothing, so that it never blocks.
func readHead(path string, n int) ([]byte, error) {
	info, err := archive.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	f, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, min(int64(n), info.Size()))
	read, err := f.ReadAt(head, 0)
	if read < len(head) {
		return nil, err
	}
	return head, nil
}

// withFile calls use with the open file and its size in bytes. An error of use becomes a *FormatError.
func withFile(path string, use func(r io.ReaderAt, size int64) error) error {
	f, err := archive.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := use(f, info.Size()); err != nil {
		return malformed(path, "%v", err)
	}
	return nil
}

var errClosed = errors.New("data set is closed")
