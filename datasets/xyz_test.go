package datasets_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// Text clouds are read as what wrote them meant, or refused.
func TestTextClouds(t *testing.T) {
	t.Parallel()
	points := []float32{0.5, 1.25, 2.75, 1.5, 2.5, 3.5}
	for name, test := range map[string]struct {
		text    string
		want    []float32
		refused string
	}{
		"byte order mark":           {text: "\ufeff0.5,1.25,2.75\n1.5,2.5,3.5\n", want: points},
		"spaces behind commas":      {text: "0.5, 1.25, 2.75\n1.5, 2.5, 3.5\n", want: points},
		"decimal commas":            {text: "x;y;z\n0,5;1,25;2,75\n1,5;2,5;3,5\n", want: points},
		"decimal commas and tabs":   {text: "0,5\t1,25\t2,75\n1,5\t2,5\t3,5\n", want: points},
		"decimal commas and spaces": {text: "0,5 1,25 2,75\n1,5 2,5 3,5\n", want: points},
		"columns named":             {text: "id,x,y,z\n1,0.5,1.25,2.75\n2,1.5,2.5,3.5\n", want: points},
		"columns named in another order": {text: `"Z" "R" "Y" "X"` + "\n2.75 9 1.25 0.5\n3.5 9 2.5 1.5\n",
			want: points},
		"columns named as a tool does": {text: "//X Y Z R G B\n0.5 1.25 2.75 1 2 3\n1.5 2.5 3.5 1 2 3\n", want: points},
		"three other names":            {text: "lon lat alt\n0.5 1.25 2.75\n1.5 2.5 3.5\n", want: points},
		"the number of points":         {text: "2\n0.5 1.25 2.75 7\n1.5 2.5 3.5 7\n", want: points},
		"carriage returns":             {text: "# made\r\n0.5 1.25 2.75\r\n\r\n1.5 2.5 3.5\r\n", want: points},
		"columns without names":        {text: "a,b,c,d\n1,0.5,1.25,2.75\n", refused: "does not name the columns x, y and z"},
		"more columns than names":      {text: "x,y,z\n0,5,1,25,2,75\n", refused: "has 6 columns, and the heading names 3"},
		"another number of points":     {text: "3\n0.5 1.25 2.75\n1.5 2.5 3.5\n", refused: "has 2 points, and its first line says 3"},
		"hexadecimal":                  {text: "0xff 0x01 0x02\n0.5 1.25 2.75\n", refused: `x is "0xff", want a number`},
		"commas and points":            {text: "0.5,1 1.25 2.75\n", refused: "has commas inside of numbers, and points"},
		"UTF-16":                       {text: "\xff\xfe0\x00 \x001\x00", refused: "UTF-16"},
		"a line without an end":        {text: "0 0 0\n" + strings.Repeat("1 ", 1<<20), refused: "a line of a text cloud has at most"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.refused != "" {
				if err := datasets.DecodeFile(".xyz", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("error %v, want one with %q", err, test.refused)
				}
				return
			}
			path := filepath.Join(t.TempDir(), "cloud.xyz")
			if err := os.WriteFile(path, []byte(test.text), 0o666); err != nil {
				t.Fatal(err)
			}
			ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer ds.Close()
			var s datasets.Sample
			if err := ds.Read(t.Context(), &s, 0); err != nil || !slices.Equal(s.X, test.want) {
				t.Errorf("%v, error %v, want %v", s.X, err, test.want)
			}
		})
	}
}
