package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

type formatError string

func (e formatError) Error() string { return string(e) }
func (formatError) Kind() Kind      { return Input }

func TestKindOf(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want Kind
	}{
		"nil":            {nil, Failed},
		"foreign":        {fs.ErrPermission, Failed},
		"own":            {Usagef("no"), Usage},
		"type":           {formatError("bad"), Input},
		"wrapped":        {fmt.Errorf("a.onnx: %w", formatError("bad")), Input},
		"outermost wins": {Mismatchf("a and b: %w", formatError("bad")), Mismatch},
		"joined":         {errors.Join(fs.ErrClosed, Inputf("bad")), Input},
	} {
		t.Run(name, func(t *testing.T) {
			if got := KindOf(tc.err); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestHintOf(t *testing.T) {
	hinted := Usagef("the output exists").WithHint("replace it with %s", "--force")
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"none":           {errors.New("x"), ""},
		"own":            {hinted, "replace it with --force"},
		"wrapped":        {fmt.Errorf("a: %w", hinted), "replace it with --force"},
		"behind another": {Inputf("a: %w", hinted), "replace it with --force"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := HintOf(tc.err); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestErrorUnwraps(t *testing.T) {
	if err := Inputf("x: %w", fs.ErrNotExist); !errors.Is(err, fs.ErrNotExist) || err.Error() != "x: file does not exist" {
		t.Errorf("got %v", err)
	}
	err := Usagef("%w and %w", fs.ErrNotExist, fs.ErrClosed)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, fs.ErrClosed) || KindOf(err) != Usage {
		t.Errorf("of two, got %v", err)
	}
}
