package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func init() {
	register(Format{Name: "robustbench",
		Doc:   "an entry of RobustBench's model_info, of the chosen model or of every model of a benchmark",
		Write: writeRobustBench})
}

// robustBenchEntry is an entry of RobustBench's folder model_info, for the threat model "corruptions". Figures are text
// in percent with two decimals, as there. What a result does not know is null: who publishes the entry fills it in.
type robustBenchEntry struct {
	Link         *string  `json:"link"`
	Name         string   `json:"name"`
	Authors      *string  `json:"authors"`
	Additional   *bool    `json:"additional_data"`
	Passes       int      `json:"number_forward_passes"`
	Dataset      string   `json:"dataset"`
	Venue        *string  `json:"venue"`
	Architecture *string  `json:"architecture"`
	Eps          *float64 `json:"eps"` // null: corruptions have none
	Clean        *string  `json:"clean_acc"`
	Reported     *string  `json:"reported"`
	Corruptions  *string  `json:"corruptions_acc"` // null unless the suite was run whole
	MCE          *string  `json:"corruptions_mce"`
	// The rest is not RobustBench's.
	Suite         string                `json:"suite,omitempty"`
	Reference     string                `json:"mce_reference,omitempty"`
	Unaggregated  map[string][]*string  `json:"unaggregated,omitempty"` // accuracy by corruption and severity 1 to 5
	Intervals     map[string][2]*string `json:"intervals,omitempty"`
	IntervalLevel string                `json:"interval_level,omitempty"`
	SHA256        string                `json:"model_sha256,omitempty"`
	Notes         []string              `json:"notes,omitempty"`
}

// writeRobustBench writes an object for one model, and a list for several.
func writeRobustBench(w io.Writer, r *result.Result) error {
	var list []robustBenchEntry
	for _, m := range subjects(r) {
		list = append(list, newRobustBenchEntry(r, m))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if len(list) == 1 {
		return enc.Encode(list[0])
	}
	return enc.Encode(list)
}

// subjects are the models that a result is about: the chosen one, or all of a benchmark.
func subjects(r *result.Result) []*result.Model {
	if m := chosenModel(r); m != nil {
		return []*result.Model{m}
	}
	return r.Models
}

func newRobustBenchEntry(r *result.Result, m *result.Model) robustBenchEntry {
	e := robustBenchEntry{Name: m.ID, Passes: 1, Dataset: testName(&m.Tested), Suite: r.Suite, SHA256: m.ModelSHA256,
		Notes: r.Notes, Clean: twoDecimals(m.Clean.OA), Corruptions: twoDecimals(m.Exact.MOA), MCE: twoDecimals(m.Exact.MCE)}
	if r.Reference != nil {
		e.Reference = r.Reference.Name
	}
	for _, name := range r.Order {
		c := m.Corruptions[name]
		if c == nil {
			continue
		}
		if e.Unaggregated == nil {
			e.Unaggregated = map[string][]*string{}
		}
		for _, oa := range c.OABySeverity {
			e.Unaggregated[name] = append(e.Unaggregated[name], twoDecimals(oa))
		}
	}
	if i := m.Intervals; i != nil {
		e.IntervalLevel = level(r)
		e.Intervals = map[string][2]*string{"clean_acc": {twoDecimals(i.Clean[0]), twoDecimals(i.Clean[1])}}
		if i.MOA != nil {
			e.Intervals["corruptions_acc"] = [2]*string{twoDecimals(i.MOA[0]), twoDecimals(i.MOA[1])}
		}
		if i.MCE != nil {
			e.Intervals["corruptions_mce"] = [2]*string{twoDecimals(i.MCE[0]), twoDecimals(i.MCE[1])}
		}
	}
	return e
}

// twoDecimals writes a share in percent; nil if it is unknown.
func twoDecimals(n result.Number) *string {
	if !n.Known() {
		return nil
	}
	text := fmt.Sprintf("%.2f", 100*float64(n))
	return &text
}
