package wiseft

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// openSizes are the sizes that are tried, one level after the other, for axes that the models leave open: of inputs
// with four axes or more, such as images, and of others, such as sequences, clouds and sounds.
var openSizes = [][2]int64{{64, 8}, {224, 64}, {32, 256}, {128, 1024}, {512, 16000}}

// inputSizes are the lengths of all axes of both models' inputs. Axes of one name have one length, and so have an axis
// and its counterpart in the other model.
type inputSizes struct {
	parent    map[string]string // union-find over axes
	fixed     map[string]int64  // by root
	rows      map[string]bool   // roots of first axes
	images    map[string]bool   // roots of axes of inputs with four axes and more
	fixedRows [2]bool           // of each model, whether a first axis is fixed
	split     [2]int            // batches of the two models, if they are fixed and differ
	conflict  string            // why there is no solution
}

func newInputSizes(list []*proofInput) *inputSizes {
	s := &inputSizes{parent: map[string]string{}, fixed: map[string]int64{}, rows: map[string]bool{},
		images: map[string]bool{}}
	for _, x := range list {
		for axis := range x.of[1].Shape {
			s.union(s.axis(x, 1, axis), s.axis(x, 0, slices.Index(x.perm, axis)))
		}
	}
	for _, x := range list {
		for axis, b := range x.of[1].Shape {
			a := x.of[0].Shape[slices.Index(x.perm, axis)]
			root := s.root(s.axis(x, 1, axis))
			if axis == 0 {
				s.fixedRows = [2]bool{s.fixedRows[0] || a.Len > 0, s.fixedRows[1] || b.Len > 0}
			}
			s.rows[root] = s.rows[root] || axis == 0
			s.images[root] = s.images[root] || len(x.of[1].Shape) >= 4
			if a.Len > 0 && b.Len > 0 && a.Len != b.Len && axis == 0 {
				s.setSplit(int(a.Len), int(b.Len))
				continue
			}
			for _, d := range []onnx.Dim{a, b} {
				if known := s.fixed[root]; d.Len > 0 && known > 0 && known != d.Len {
					s.conflict = fmt.Sprintf("input %q has the shape %v in one model and %v in the other", x.of[1].Name,
						x.of[0].Shape, x.of[1].Shape)
				} else if d.Len > 0 {
					s.fixed[root] = d.Len
				}
			}
		}
	}
	return s
}

// setSplit notes two batch lengths, of which only one pair may occur.
func (s *inputSizes) setSplit(a, b int) {
	if s.split != [2]int{} && s.split != [2]int{a, b} {
		s.conflict = "several inputs have other lengths of the first axis in one model than in the other"
	}
	s.split = [2]int{a, b}
}

// axis returns the name of an axis of an input of one side.
func (*inputSizes) axis(x *proofInput, side, axis int) string {
	if d := x.of[side].Shape[axis]; d.Len < 0 && d.Param != "" {
		return "named " + d.Param
	}
	return fmt.Sprintf("%d %s %d", side, x.of[side].Name, axis)
}

func (s *inputSizes) root(name string) string {
	for s.parent[name] != "" {
		name = s.parent[name]
	}
	return name
}

func (s *inputSizes) union(a, b string) {
	if a, b = s.root(a), s.root(b); a != b {
		s.parent[a] = b
	}
}

// isOpen reports whether an axis beside the first one has no length yet.
func (s *inputSizes) isOpen() bool {
	for root := range s.images {
		if s.fixed[root] == 0 && !s.rows[root] {
			return true
		}
	}
	return false
}

// batches returns how many samples one pass of each model takes.
func (s *inputSizes) batches(selective bool) [2]int {
	if s.split != [2]int{} {
		return s.split
	}
	n := 2
	if selective {
		n = minSamples
	}
	for root := range s.rows {
		if fixed := s.fixed[root]; s.rows[root] && fixed > 0 {
			n = int(fixed)
		}
	}
	return [2]int{n, n}
}

// isBatchOpen reports whether no input of a model has a fixed first axis.
func (s *inputSizes) isBatchOpen(side int) bool { return !s.fixedRows[side] }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// shape returns the shape of an input over all samples, in the order of the written graph.
func (s *inputSizes) shape(x *proofInput, samples, level int) []int64 {
	shape := make([]int64, len(x.of[1].Shape))
	for axis := range shape {
		root := s.root(s.axis(x, 1, axis))
		switch {
		case axis == 0 && (s.split != [2]int{} || !s.fixedRows[0] || !s.fixedRows[1]):
			shape[axis] = int64(samples)
		case s.fixed[root] > 0:
			shape[axis] = s.fixed[root]
		case s.rows[root]:
			shape[axis] = int64(samples)
		case s.images[root]:
			shape[axis] = openSizes[level][0]
		default:
			shape[axis] = openSizes[level][1]
		}
	}
	return shape
}

// orders are the orders of axes behind the first one that are tried: as they are, and channels last or first.
var orders = map[int][][]int{3: {{0, 2, 1}}, 4: {{0, 2, 3, 1}, {0, 3, 1, 2}}}

// axisOrder returns the order of b's axes in which most fixed lengths agree with those of a: axis i of a is axis
// order[i] of b.
func axisOrder(a, b []onnx.Dim) []int {
	same := make([]int, len(a))
	for i := range same {
		same[i] = i
	}
	best, most := same, agreement(a, b, same)
	for _, order := range orders[len(a)] {
		if n := agreement(a, b, order); n > most {
			best, most = order, n
		}
	}
	return best
}

// agreement returns how many fixed lengths behind the first axis agree, less those that do not.
func agreement(a, b []onnx.Dim, order []int) int {
	n := 0
	for i, axis := range order {
		switch x, y := a[i].Len, b[axis].Len; {
		case i == 0 || x <= 0 && y <= 0:
		case x == y:
			n++
		case x > 0 && y > 0:
			n -= len(a)
		}
	}
	return n
}
