package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/datasets/pickle"
)

func init() {
	Register(Format{
		Name: "pickle",
		Doc: "Python pickle of clouds (n,3) or more columns: a few-shot split {train, test: [(cloud, label, …), …]} " +
			"(ModelNetFewshot/5way_10shot/0.pkl), " +
			"or [clouds, labels] (Point-MAE's cache); nothing in it is run",
		Match: func(path string) (bool, error) {
			head, err := readHead(path, 2)
			return len(head) == 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5, err
		},
		Open: openPickle,
	})
}

// pickleSet is a data set of arrays in one pickle.
type pickleSet struct {
	info   Info
	path   string
	clouds []*pickle.Array
	labels []int64
	hash   fileHash

	mu     sync.RWMutex // guards what follows while samples are read
	closed bool
	file   archive.File
}

func openPickle(ctx context.Context, path string, opt OpenOptions) (_ Dataset, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &pickleSet{info: Info{Name: path, Format: "pickle"}, path: path}
	if s.file, err = archive.Open(path); err != nil {
		return nil, err
	}
	info, err := s.file.Stat()
	if err == nil {
		if err = s.index(info.Size(), opt.Split); err != nil {
			err = malformed(path, "%v", err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *pickleSet) index(size int64, split string) error {
	root, err := pickle.Read(s.file, size)
	if err != nil {
		return err
	}
	switch v := root.(type) {
	case *pickle.Dict:
		err = s.fewShot(v, split)
	case *pickle.List:
		err = s.cached(v)
	default:
		err = errors.New("holds neither a few-shot split nor [clouds, labels]")
	}
	if err == nil && len(s.clouds) == 0 {
		err = errors.New("has no samples")
	}
	if err == nil {
		err = checkLabels(s.labels, nil)
	}
	return err
}

// fewShot indexes a list of tuples (cloud, new label, old label).
func (s *pickleSet) fewShot(dict *pickle.Dict, split string) error {
	splits := sortedKeys(dict.Items)
	if split == "" {
		return fmt.Errorf("has the splits %s; choose one", strings.Join(splits, ", "))
	}
	list, ok := dict.Items[split].(*pickle.List)
	if !ok {
		return fmt.Errorf("has no split %q; it has %s", split, strings.Join(splits, ", "))
	}
	s.info.Name, s.info.Split = s.path+" "+split, split
	for i, item := range list.Items {
		t, ok := item.(pickle.Tuple)
		if !ok || len(t) < 2 {
			return fmt.Errorf("sample %d is not a tuple (cloud, label)", i)
		}
		if err := s.add(i, t[0], t[1]); err != nil {
			return err
		}
	}
	return nil
}

// cached indexes a list of clouds and a list of labels.
func (s *pickleSet) cached(list *pickle.List) error {
	if len(list.Items) != 2 {
		return fmt.Errorf("holds a list of %d items, want 2: clouds and labels", len(list.Items))
	}
	clouds, ok1 := list.Items[0].(*pickle.List)
	labels, ok2 := list.Items[1].(*pickle.List)
	if !ok1 || !ok2 || len(clouds.Items) != len(labels.Items) {
		return errors.New("its clouds and labels are not two lists of equal length")
	}
	for i := range clouds.Items {
		if err := s.add(i, clouds.Items[i], labels.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *pickleSet) add(i int, cloud, label any) error {
	a, ok := cloud.(*pickle.Array)
	if !ok || len(a.Shape) != 2 || a.Shape[0] < 1 || a.Shape[1] < 3 || a.Kind != 'f' || a.ItemSize < 4 {
		return fmt.Errorf("sample %d is not an array [points, 3 or more] of float32 or float64", i)
	}
	l, err := s.label(label)
	if err != nil {
		return fmt.Errorf("sample %d: %w", i, err)
	}
	s.clouds, s.labels = append(s.clouds, a), append(s.labels, l)
	return nil
}

// label reads an integer, or an array of one.
func (s *pickleSet) label(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case *pickle.Array:
		if v.Kind == 'f' || slices.ContainsFunc(v.Shape, func(n int) bool { return n != 1 }) || v.ItemSize == 0 {
			break
		}
		b := make([]byte, v.ItemSize)
		if _, err := s.file.ReadAt(b, v.Offset); err != nil {
			return 0, err
		}
		label := pickle.Integer(b, v.Kind, v.Order)
		if v.Kind == 'u' && label < 0 {
			return 0, fmt.Errorf("the label %d is beyond the integers of 64 bits with a sign", uint64(label))
		}
		return label, nil
	}
	return 0, errors.New("the label is not an integer")
}

// Info implements Dataset.
func (s *pickleSet) Info() Info { return s.info }

// Len implements Dataset.
func (s *pickleSet) Len() int { return len(s.clouds) }

// Label implements Dataset.
func (s *pickleSet) Label(i int) int64 { return s.labels[i] }

// Read implements Dataset. Columns after the third are normals and are left out.
func (s *pickleSet) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.clouds)); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return fmt.Errorf("%s: %w", s.path, errClosed)
	}
	a := s.clouds[i]
	n, columns := a.Shape[0], a.Shape[1]
	raw := make([]byte, n*columns*a.ItemSize)
	if _, err := io.ReadFull(io.NewSectionReader(s.file, a.Offset, int64(len(raw))), raw); err != nil {
		return malformed(s.path, "sample %d: %v", i, err)
	}
	dst.X, dst.Arrays = dst.X[:0], dst.Arrays[:0]
	for point := range n {
		for k := range 3 {
			b := raw[(point*columns+k)*a.ItemSize:]
			if a.ItemSize == 4 {
				dst.X = append(dst.X, math.Float32frombits(a.Order.Uint32(b)))
			} else {
				dst.X = append(dst.X, float32(math.Float64frombits(a.Order.Uint64(b))))
			}
		}
	}
	dst.Shape, dst.Label = append(dst.Shape[:0], n, 3), s.labels[i]
	return dst.checkFinite(s.path, "", i)
}

// Hash implements Dataset.
func (s *pickleSet) Hash(ctx context.Context) (string, error) {
	return s.hash.of(ctx, []string{"pickle", s.info.Split}, []string{s.path})
}

// Close implements Dataset.
func (s *pickleSet) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.file.Close()
}
