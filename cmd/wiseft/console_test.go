package main

import (
	"errors"
	"testing"
)

func TestColumns(t *testing.T) {
	t.Parallel()
	terminal := func(width int, err error) func() (int, int, error) {
		return func() (int, int, error) { return width, 24, err }
	}
	none := errors.New("is no terminal")
	for _, test := range []struct {
		size    func() (int, int, error)
		columns string
		want    int
	}{
		{terminal(33, nil), "120", 33},
		{terminal(0, nil), "120", 120},
		{terminal(0, none), "120", 120},
		{terminal(0, none), "-3", defaultColumns},
		{nil, "many", defaultColumns},
	} {
		con := console{size: test.size, getenv: func(string) string { return test.columns }}
		if got := con.columns(); got != test.want {
			t.Errorf("COLUMNS=%s: got %d, want %d", test.columns, got, test.want)
		}
	}
}
