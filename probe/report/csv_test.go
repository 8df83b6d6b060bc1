package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func TestCSVGolden(t *testing.T) {
	t.Parallel()
	one, part := full(), sweep(false)
	one.Models, part.Models = one.Models[8:9], part.Models[:2]
	golden(t, "csv", ".csv", map[string]*result.Result{"one": one, "partial_suite": part, "single": single()})
}

// The values read from the CSV equal those of the result to the last bit.
func TestCSVIsExact(t *testing.T) {
	t.Parallel()
	r := full()
	r.Models[3].Corruptions["jitter"].BySeverity[1].ECE = 0.1 + 0.2
	figures := readCSV(t, r)
	m := r.Models[3]
	for key, want := range map[string]result.Number{
		"test/test/alpha=0.3/clean/0/oa":                                m.Clean.OA,
		"test/test/alpha=0.3/jitter/2/ece":                              m.Corruptions["jitter"].BySeverity[1].ECE,
		"test/test/alpha=0.3/jitter//ce":                                m.Corruptions["jitter"].CE,
		"test/test/alpha=0.3/all//exact_moa":                            m.Exact.MOA,
		"test/test/alpha=0.3/all//mce":                                  m.MCE,
		"test/folder/other.npz/alpha=0.3/all//exact_rmce":               m.MoreTests[0].Exact.RMCE,
		"transfer/other <data>/alpha=0.3/svm recon//oa":                 m.Transfer["other <data>"]["svm"]["recon"].Accuracy,
		"row/test/WiSE-FT-LP/clean/0/oa":                                chosenModel(r).Clean.OA,
		"validation/" + r.Settings.Validation + "/alpha=0.3/clean/0/oa": m.Validation.OA,
	} {
		got, err := strconv.ParseFloat(figures[key], 64)
		if err != nil || got != float64(want) {
			t.Errorf("%s: got %q, want %v", key, figures[key], want)
		}
	}
	// 11 models, 2 test sets of 36 cells with 5 figures, 7 means with 4, 10 of the suite;
	// validation 5, effective robustness 1, transfer 3 tasks of 3 figures and a difference; 3 rows of 3, and a difference.
	if got, want := len(figures), 11*(2*(36*5+7*4+10)+5+1+3*3+1)+3*3+1; got != want {
		t.Errorf("got %d lines, want %d", got, want)
	}
}

// Without a whole suite there is no mean, and its field is empty.
func TestCSVOfPartialSuite(t *testing.T) {
	t.Parallel()
	figures := readCSV(t, sweep(false))
	for _, key := range []string{"test/test/alpha=0.3/all//moa", "test/test/alpha=0.3/all//exact_mce"} {
		if got, ok := figures[key]; !ok || got != "" {
			t.Errorf("%s: got %q, %v, want an empty field", key, got, ok)
		}
	}
}

// readCSV returns the values of a result's lines by model, data and figure. Each occurs once.
func readCSV(t *testing.T, r *result.Result) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, "csv", r); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]string{}
	for _, f := range lines[1:] {
		key := fmt.Sprintf("%s/%s/%s/%s/%s/%s", f[0], f[1], f[2], f[5], f[6], f[7])
		if _, ok := figures[key]; ok {
			t.Errorf("%s is there twice", key)
		}
		figures[key] = f[8]
	}
	return figures
}

// A spreadsheet computes nothing that a name says.
func TestCSVHasNoFormulas(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"=HYPERLINK(1)": "'=HYPERLINK(1)", "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)", "a=1": "a=1", "": "",
	} {
		if got := cell(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}
