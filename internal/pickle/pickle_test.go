package pickle

import (
	"errors"
	"strings"
	"testing"
)

// TestRead reads objects that a caller makes.
func TestRead(t *testing.T) {
	t.Parallel()
	made := Options{
		Call: func(function Global, args Tuple) (any, error) {
			if function != "m.f" || len(args) != 1 {
				return nil, errors.New("is refused")
			}
			return args[0], nil
		},
		Persistent: func(id any) (any, error) { return Tuple{"outside", id}, nil },
	}
	for name, test := range map[string]struct {
		program string
		opt     Options
		want    string // of the error; "" if it is read
	}{
		"call":                {"\x80\x02cm\nf\nK\x07\x85R.", made, ""},
		"new object":          {"\x80\x02cm\nf\nK\x07\x85\x81.", made, ""},
		"another call":        {"\x80\x02cm\ng\nK\x07\x85R.", made, "is refused"},
		"persistent":          {"\x80\x02K\x07Q.", made, ""},
		"without a function":  {"\x80\x02K\x07Q.", Options{Call: made.Call}, "refers to an object outside of it"},
		"nothing to refer to": {"\x80\x02Q.", made, "pops from an empty stack"},
		"state of a number":   {"\x80\x02K\x07Nb.", made, "sets the state of an object that has none"},
		"state of a dict":     {"\x80\x02}Nb.", made, ""},
		"endless name":        {"\x80\x02c" + strings.Repeat("x", 1<<17), made, "has a name without an end"},
	} {
		_, err := Read(strings.NewReader(test.program), int64(len(test.program)), test.opt)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
