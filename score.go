package wiseft

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-shellwords"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/feature"
)

// Scoring is a score of the user's own, which takes the place of accuracy: a program that is run for every data set that
// has passed through a model. The zero value is none.
//
// Command is split into words as a shell does, without running one. The program gets one argument more: the path of an
// NPZ file with the arrays outputs (n, …) float32, the measured tensor with the batch first; targets (n,) int64, the
// labels, -1 for none; and classes, the names of the classes, if the data have some. It prints the score, and behind it
// nothing or one number for every sample, of which the score is the mean: intervals and paired tests need these.
//
// A stored score is used again while outputs, command and the files that its words name are the same.
type Scoring struct {
	Command string
	Lower   bool // lower scores are better
}

// isZero reports whether accuracy is measured.
func (s Scoring) isZero() bool { return s.Command == "" }

// open finds the program and the files that the command names; nil for the zero value.
func (s Scoring) open() (bench.Scorer, error) {
	if s.isZero() {
		if s.Lower {
			return nil, fault.Usagef("lower scores are better, and no --score is given")
		}
		return nil, nil
	}
	parser := shellwords.NewParser()
	words, err := parser.Parse(s.Command)
	if err != nil || len(words) == 0 {
		return nil, fault.Usagef("--score %q is no command: a quote is not closed, or it is empty", s.Command)
	}
	if parser.Position >= 0 {
		return nil, fault.Usagef("--score %q: %q is for a shell, and none is run", s.Command, s.Command[parser.Position:]).
			WithHint("put it into a script")
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, fault.Usagef("--score: %w", err)
	}
	c := &scoreCommand{words: words, scoring: result.Scoring{Command: s.Command, Lower: s.Lower}}
	for _, word := range words {
		for _, name := range []string{word, afterEquals(word)} {
			sum, err := fileHash(name)
			if err != nil {
				return nil, err
			}
			if sum != "" {
				c.scoring.Files = append(c.scoring.Files, result.ScoringFile{Name: name, SHA256: sum})
			}
		}
	}
	return c, nil
}

// afterEquals returns what follows the first = of a word such as --truth=FILE.
func afterEquals(word string) string {
	_, after, _ := strings.Cut(word, "=")
	return after
}

// fileHash returns the SHA-256 of a regular file; "" if there is none of that name.
func fileHash(name string) (string, error) {
	info, err := os.Stat(name)
	if name == "" || err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	f, err := input.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// scoreCommand runs a command.
type scoreCommand struct {
	words   []string
	scoring result.Scoring
}

// Scoring implements bench.Scorer.
func (c *scoreCommand) Scoring() result.Scoring { return c.scoring }

// Score implements bench.Scorer.
func (c *scoreCommand) Score(ctx context.Context, outputs *feature.Set) (value float64, samples []float64, err error) {
	folder, err := output.NewScratch()
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, folder.Remove()) }()
	path := filepath.Join(folder.Path, "outputs.npz")
	if err := writeOutputs(path, outputs); err != nil {
		return 0, nil, err
	}
	printed, err := c.run(ctx, path, outputs.Len())
	if err != nil {
		return 0, nil, err
	}
	return parseScores(printed, outputs.Len())
}

// writeOutputs writes the file that a command gets.
func writeOutputs(path string, f *feature.Set) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	z := npy.NewWriter(out)
	axes := f.Axes
	if axes == nil {
		axes = []int{f.Dim}
	}
	row := func(i int) ([]float32, error) { return f.Row(i), nil }
	if err := z.Float32Rows("outputs", f.Len(), axes, row); err != nil {
		return err
	}
	err = z.Array("targets", "<i8", []int{f.Len()}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, f.Y)
	})
	if err != nil {
		return err
	}
	if names := f.Meta.Data.Classes; len(names) > 0 {
		if err := z.Strings("classes", names); err != nil {
			return err
		}
	}
	return z.Close()
}

const (
	// scoreBytes is the longest number that a command may print, with the space behind it.
	scoreBytes = 32
	// killWait is how long a command that was interrupted may take to end.
	killWait = 5 * time.Second
)

// run runs the command and returns what it prints.
func (c *scoreCommand) run(ctx context.Context, path string, n int) (string, error) {
	args := append(append([]string{}, c.words[1:]...), path)
	cmd := exec.CommandContext(ctx, c.words[0], args...)
	cmd.WaitDelay = killWait
	printed, complaints := &tail{limit: (n + 2) * scoreBytes}, &tail{limit: 1 << 12}
	cmd.Stdout, cmd.Stderr = printed, complaints
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fault.New(fault.Failed, "--score: %s: %w%s", c.scoring.Command, err, complaints.lastLine())
	case printed.cut:
		return "", fault.New(fault.Failed, "--score: %s prints more than %d bytes, which are not the numbers of %d samples",
			c.scoring.Command, printed.limit, n)
	}
	return printed.String(), nil
}

// tail keeps the last bytes that are written to it.
type tail struct {
	bytes.Buffer
	limit int
	cut   bool // more was written
}

func (t *tail) Write(p []byte) (int, error) {
	n, _ := t.Buffer.Write(p) // it never fails
	if over := t.Len() - t.limit; over > 0 {
		t.cut = true
		t.Next(over)
	}
	return n, nil
}

// lastLine returns ": LINE" for the last line that is not empty; "" without one.
func (t *tail) lastLine() string {
	lines := strings.Split(strings.TrimSpace(t.String()), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return ": " + last
	}
	return ""
}

// parseScores reads a score and the parts of n samples, which may be missing.
func parseScores(printed string, n int) (value float64, samples []float64, err error) {
	fields := strings.Fields(printed)
	if len(fields) != 1 && len(fields) != n+1 {
		return 0, nil, fault.New(fault.Failed, "--score: the command prints %d numbers, want the score, or the score and one number "+
			"for each of %d samples", len(fields), n)
	}
	list := make([]float64, len(fields))
	for i, field := range fields {
		if list[i], err = strconv.ParseFloat(field, 64); err != nil {
			return 0, nil, fault.New(fault.Failed, "--score: the command prints %q, which is no number", shortened(field))
		}
	}
	if len(list) == 1 {
		return list[0], nil, nil
	}
	return list[0], list[1:], nil
}

// shortened cuts a text to a length that fits an error.
func shortened(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
