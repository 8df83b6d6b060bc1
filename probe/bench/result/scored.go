package result

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/probe/feature"
)

// Scoring is a score of the user's own, which takes the place of accuracy. The JSON is part of plans and results.
type Scoring struct {
	Command string `json:"command"`
	// Files are those that the command names, such as a script, with their hashes.
	Files []ScoringFile `json:"files,omitempty"`
	Lower bool          `json:"lower_is_better,omitempty"`
}

// ScoringFile is a file that a command names.
type ScoringFile struct {
	Name   string `json:"name"` // as in the command
	SHA256 string `json:"sha256"`
}

// Key identifies all that the scores of given outputs depend on: the command and its files.
func (s Scoring) Key() string {
	s.Lower = false
	text, err := json.Marshal(s)
	if err != nil {
		panic("result: a struct of strings has no JSON")
	}
	sum := sha256.Sum256(text)
	return "score " + hex.EncodeToString(sum[:])
}

// Better returns v, or -v if lower scores are better: a number of which the higher one is better.
func (s Scoring) Better(v float64) float64 {
	if s.Lower {
		return -v
	}
	return v
}

// Direction says which scores are better.
func (s Scoring) Direction() string {
	if s.Lower {
		return "lower is better"
	}
	return "higher is better"
}

// Scored is the score of a model's outputs for a data set.
type Scored struct {
	Value   float64
	Samples []float64    // parts of the samples, whose mean Value is; nil = not known
	N       int          // samples
	Of      feature.Meta // of the outputs
}

// samplesTolerance is how far the mean of the samples may be from the score, relatively: commands print six digits or more.
const samplesTolerance = 1e-5

// Check returns an error unless all is finite and Value is the mean of Samples.
func (s *Scored) Check() error {
	if !isFinite(s.Value) {
		return fmt.Errorf("the score is %g", s.Value)
	}
	if s.Samples == nil {
		return nil
	}
	if len(s.Samples) != s.N {
		return fmt.Errorf("there are scores of %d samples, and %d samples", len(s.Samples), s.N)
	}
	sum, size := 0.0, 0.0
	for i, v := range s.Samples {
		if !isFinite(v) {
			return fmt.Errorf("the score of sample %d is %g", i, v)
		}
		sum, size = sum+v, size+math.Abs(v)
	}
	n := float64(s.N)
	if mean := sum / n; !(math.Abs(mean-s.Value) <= samplesTolerance*max(math.Abs(s.Value), size/n)) {
		return fmt.Errorf("the score is %g, and the mean of the samples' scores %g", s.Value, mean)
	}
	return nil
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Score returns the score as a result has it, whose accuracies are unknown.
func (s *Scored) Score() *Score {
	value := Number(s.Value)
	return &Score{OA: Unknown(), MAcc: Unknown(), NLL: Unknown(), ECE: Unknown(), Brier: Unknown(),
		ECEEqualMass: Unknown(), N: s.N, Score: &value}
}

const scoredSchema = "wiseft.score/1"

// scoredMeta is the array meta of a stored score.
type scoredMeta struct {
	Schema string       `json:"schema"`
	N      int          `json:"n"`
	Of     feature.Meta `json:"features"` // that were scored
}

// Write writes the score as an NPZ file with the arrays score (1,) and samples (n,) or (0,), float64, and meta, one JSON
// text.
func (s *Scored) Write(w io.Writer) error {
	text, err := json.Marshal(scoredMeta{scoredSchema, s.N, s.Of})
	if err != nil {
		return err
	}
	z := npy.NewWriter(w)
	for _, a := range []struct {
		name   string
		values []float64
	}{{"score", []float64{s.Value}}, {"samples", s.Samples}} {
		err := z.Array(a.name, "<f8", []int{len(a.values)}, func(w io.Writer) error {
			return binary.Write(w, binary.LittleEndian, a.values)
		})
		if err != nil {
			return err
		}
	}
	if err := z.Strings("meta", []string{string(text)}); err != nil {
		return err
	}
	return z.Close()
}

// ReadScored reads what [Scored.Write] wrote.
func ReadScored(r io.ReaderAt, size int64) (*Scored, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	value, _, err := z.Float64s("score")
	if err != nil {
		return nil, err
	}
	samples, _, err := z.Float64s("samples")
	if err != nil {
		return nil, err
	}
	text, _, err := z.Strings("meta")
	if err != nil {
		return nil, err
	}
	var meta scoredMeta
	if len(text) != 1 || json.Unmarshal([]byte(text[0]), &meta) != nil || meta.Schema != scoredSchema || len(value) != 1 {
		return nil, fmt.Errorf("array \"meta\" does not describe a score")
	}
	if len(samples) == 0 {
		samples = nil
	}
	s := &Scored{Value: value[0], Samples: samples, N: meta.N, Of: meta.Of}
	return s, s.Check()
}
