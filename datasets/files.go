package datasets

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/wiseft/wiseft/datasets/internal/archive"
)

// fileFormat is a format in which a file holds one sample. A data set is one file, whose class is unknown, or a
// folder in one of the layouts of classTree.
type fileFormat struct {
	name, doc  string
	extensions []string // lower case, with the dot
	// match reports whether the first headSize bytes of a file belong to this format.
	match func(head []byte) bool
	// decode appends the x, y and z of every point of a file to dst.
	decode func(dst []float32, file []byte, opt fileOptions) ([]float32, error)
	// decodeImage is set instead of decode. It sets dst to the image of a file, without its label.
	decodeImage func(dst *Sample, file []byte, opt fileOptions) error
	// unless reports whether a folder belongs to a more specific format; nil means never.
	unless func(path string) (bool, error)
	// mesh is set if points are drawn from a surface.
	mesh bool
}

// fileOptions are the options of decode and decodeImage.
type fileOptions struct {
	points int
	rng    *rand.Rand

	resize, crop  int
	interpolation string
	exif          bool
}

// meshPoints is how many points are drawn from a mesh by default: the input size of most networks for ModelNet40.
const meshPoints = 1024

// layoutDoc describes the folders of all file formats.
const layoutDoc = "<class>/<split>/*, <split>/<class>/* or <class>/*, classes in alphabetical order; or one file"

// fileFormats holds the file formats by extension.
var fileFormats = map[string]fileFormat{}

// registerFiles adds a format of which a file holds one sample.
func registerFiles(f fileFormat) {
	for _, extension := range f.extensions {
		fileFormats[extension] = f
	}
	Register(Format{
		Name:  f.name,
		Doc:   f.doc + ": folders " + layoutDoc,
		Match: f.matchPath,
		Open:  f.open,
	})
}

// headSize is how many bytes at the start of a file are given to match.
const headSize = 512

func (f *fileFormat) matchPath(path string) (bool, error) {
	info, err := archive.Stat(path)
	if err != nil {
		return false, err
	}
	if info.IsDir() {
		if f.unless != nil {
			if other, err := f.unless(path); other || err != nil {
				return false, err
			}
		}
		tree, err := newClassTree(path, f.extensions)
		if err != nil || len(tree) == 0 {
			return false, err
		}
		path = tree.first(path)
	} else if !slices.Contains(f.extensions, extension(path)) {
		return false, nil
	}
	head, err := readHead(path, headSize)
	return err == nil && f.match(head), err
}

// extension returns the extension of a path in lower case.
func extension(path string) string { return strings.ToLower(filepath.Ext(path)) }

// fileSet is a list of files, read one by one.
type fileSet struct {
	info    Info
	format  fileFormat
	options OpenOptions
	paths   []string
	labels  []int64
	hash    fileHash
	turned  turnedPictures
	closed  atomic.Bool
}

func (f *fileFormat) open(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, err := archive.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &fileSet{info: Info{Name: path, Format: f.name}, format: *f, options: opt}
	if !info.IsDir() {
		head, err := readHead(path, headSize)
		if err != nil {
			return nil, err
		}
		if !f.match(head) {
			return nil, malformed(path, "is not a %s file: found %s", f.name, describe(path))
		}
		s.paths, s.labels = []string{path}, []int64{NoLabel}
	} else if err := s.list(path, opt.Split); err != nil {
		return nil, err
	}
	s.describeOptions()
	return s, nil
}

// describeOptions completes the options and returns the line that describes them in Info.History.
func (s *fileSet) describeOptions() {
	if s.format.decodeImage != nil {
		if s.options.EXIF {
			s.info.History = append(s.info.History, "turned: as the EXIF orientation says")
		}
		if n := s.options.Resize; n > 0 {
			s.info.History = append(s.info.History, fmt.Sprintf("resized: shorter side %d pixels, %s", n, s.options.Interpolation))
		}
		if n := s.options.Crop; n > 0 {
			s.info.History = append(s.info.History, fmt.Sprintf("cropped: middle %d x %d pixels", n, n))
		}
	}
	if !s.format.mesh {
		return
	}
	if s.options.Points == 0 {
		s.options.Points = meshPoints
	}
	s.info.History = append(s.info.History,
		fmt.Sprintf("sampled: %d points of each mesh by area, seed %d, generator wiseft 1", s.options.Points, s.options.Seed))
}

// list finds the files of a split.
func (s *fileSet) list(path, split string) error {
	tree, err := newClassTree(path, s.format.extensions)
	if err != nil {
		return err
	}
	if len(tree) == 0 {
		return malformed(path, "has no files %s in folders %s", strings.Join(s.format.extensions, ", "), layoutDoc)
	}
	classes, splits, at := tree.layout(split)
	if len(splits) > 0 {
		if split, err = chosenSplit(path, splits, split); err != nil {
			return err
		}
		s.info.Name, s.info.Split = path+" "+split, split
	}
	s.info.Classes = classes
	for label, class := range classes {
		outer, inner := at(class, split)
		for _, name := range tree[outer][inner] {
			s.paths = append(s.paths, filepath.Join(path, outer, inner, name))
			s.labels = append(s.labels, int64(label))
		}
	}
	return nil
}

// Info implements Dataset.
func (s *fileSet) Info() Info {
	info := s.info
	info.History = slices.Clone(info.History)
	if line := s.turned.note(); line != "" {
		info.Notes = append(slices.Clone(info.Notes), line)
	}
	return info
}

// Len implements Dataset.
func (s *fileSet) Len() int { return len(s.paths) }

// Label implements Dataset.
func (s *fileSet) Label(i int) int64 { return s.labels[i] }

// Read implements Dataset.
func (s *fileSet) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.paths)); err != nil {
		return err
	}
	if s.closed.Load() {
		return fmt.Errorf("%s: %w", s.info.Name, errClosed)
	}
	path := s.paths[i]
	file, err := archive.ReadFile(path)
	if err != nil {
		return err
	}
	dst.Arrays = dst.Arrays[:0]
	opt := fileOptions{points: s.options.Points, resize: s.options.Resize, crop: s.options.Crop,
		interpolation: s.options.Interpolation, exif: s.options.EXIF}
	if s.format.decodeImage != nil {
		if err := s.format.decodeImage(dst, file, opt); err != nil {
			return malformed(path, "sample %d: %v", i, err)
		}
		dst.Label = s.labels[i]
		return nil
	}
	if s.format.mesh {
		opt.rng = keyedRand("wiseft mesh 1", s.options.Seed, uint64(i))
	}
	x, err := s.format.decode(dst.X[:0], file, opt)
	if err == nil && len(x) == 0 {
		err = errors.New("has no points")
	}
	if err != nil {
		return malformed(path, "sample %d: %v", i, err)
	}
	dst.X, dst.Shape, dst.Label = x, append(dst.Shape[:0], len(x)/3, 3), s.labels[i]
	return dst.checkFinite(path, "", i)
}

// Hash implements Dataset.
func (s *fileSet) Hash(ctx context.Context) (string, error) {
	fields := append([]string{s.format.name, s.info.Split}, s.info.Classes...)
	fields = append(fields, s.info.History...)
	if s.format.decodeImage != nil {
		if s.hash.head = s.turned.look; s.options.EXIF {
			s.hash.head = nil
		}
		fields = append(fields, "pictures 3") // transparent pixels keep their colours; raised when pictures change
	}
	if s.format.mesh {
		fields = append(fields, "surfaces 2") // concave faces are covered once; raised when surfaces change
	}
	for _, l := range s.labels {
		fields = append(fields, fmt.Sprint(l))
	}
	sum, err := s.hash.of(ctx, fields, s.paths)
	if line := s.turned.note(); err == nil && line != "" {
		s.turned.once.Do(func() { s.options.note(line) })
	}
	return sum, err
}

// Close implements Dataset.
func (s *fileSet) Close() error {
	s.closed.Store(true)
	return nil
}

// chosenSplit returns the split that is wanted of those that a data set has; "" chooses the only one.
func chosenSplit(path string, splits []string, want string) (string, error) {
	switch {
	case want == "" && len(splits) == 1:
		return splits[0], nil
	case slices.Contains(splits, want):
		return want, nil
	case want == "":
		return "", malformed(path, "has the splits %s; choose one", strings.Join(splits, ", "))
	}
	return "", malformed(path, "has no split %q; it has %s", want, strings.Join(splits, ", "))
}
