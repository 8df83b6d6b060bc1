package registry

import (
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
)

func TestRegistry(t *testing.T) {
	r := New[int]("number")
	r.Register("two", 2)
	r.Register("one", 1)
	if v, err := r.Lookup("two"); v != 2 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
	if got, want := r.Names(), []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("got names %v, want %v", got, want)
	}
	if got, want := r.All(), []int{1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLookupNamesWhatThereIs(t *testing.T) {
	r := New[int]("corruption")
	for i, name := range []string{"jitter", "rotate", "scale"} {
		r.Register(name, i)
	}
	_, err := r.Lookup("jiter")
	if got, want := err.Error(), `there is no corruption "jiter"; there are: jitter, rotate, scale`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := fault.HintOf(err), "did you mean jitter?"; got != want {
		t.Errorf("got hint %q, want %q", got, want)
	}
	if got := fault.KindOf(err); got != fault.Usage {
		t.Errorf("got kind %v, want usage", got)
	}
}

func TestRegisterPanics(t *testing.T) {
	for _, name := range []string{"", "taken"} {
		t.Run("name="+name, func(t *testing.T) {
			r := New[int]("thing")
			r.Register("taken", 0)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			r.Register(name, 1)
		})
	}
}

func TestNearest(t *testing.T) {
	names := []string{"linear", "slerp", "ties"}
	for word, want := range map[string]string{
		"lineer": "linear", "tiess": "ties", "slrp": "slerp", "out": "", "": "", "x": "", strings.Repeat("a", 1<<20): "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("Nearest(%.20q): got %q, want %q", word, got, want)
		}
	}
}
