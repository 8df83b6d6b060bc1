package wiseft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/internal/text"
)

// CorruptOptions select the corruptions of a data set that are written, and their form.
type CorruptOptions struct {
	Suite       string   // "" is "modelnet-c"
	Corruptions []string // of the suite; nil is all
	Severities  []int    // nil is all
	// RNG is "wiseft" (the default: keyed by seed, corruption, severity and sample) or "numpy" (the reference
	// implementation's stream, bit for bit).
	RNG string
	// Stream applies to numpy: "global" (the default: one seed for all files, as the reference) or "cell" (seeded anew
	// for each file).
	Stream  string
	Seed    *uint64 // nil is 0, and the suite's own for numpy
	Format  string  // "hdf5", "npy" or "npz"; "" is that in which the suite is published
	Force   bool    // replace a folder that an earlier call made
	Monitor Monitor
}

// CorruptResult describes a folder of corrupted data. It is stored there, too, as suite.json.
type CorruptResult struct {
	Schema  string        `json:"schema"`
	Output  string        `json:"output"`
	Suite   string        `json:"suite"`
	RNG     string        `json:"rng"`
	Stream  string        `json:"stream,omitempty"`
	Seed    uint64        `json:"seed"`
	Format  string        `json:"layout"`
	N       int           `json:"n"`
	Made    bool          `json:"self_made"`
	Data    datasets.Info `json:"data"`
	SHA256  string        `json:"data_sha256"`
	Files   []CorruptFile `json:"files"`
	LeftOut []string      `json:"left_out,omitempty"` // corruptions without a reference stream
	Notes   []string      `json:"notes,omitempty"`
	Wiseft  string        `json:"wiseft"`
	Seconds float64       `json:"seconds"`
}

// CorruptFile is one file of corrupted clouds.
type CorruptFile struct {
	Name       string `json:"name"`
	Corruption string `json:"corruption"` // "" = clean
	Severity   int    `json:"severity"`
	Points     int    `json:"points"`
	Bytes      int64  `json:"bytes"`
	SHA256     string `json:"sha256"`
}

// Corrupt writes a data set of clouds under all corruptions of a suite into a folder that is laid out as the
// published one. The files are labelled as self-made: figures on them are not comparable with published ones.
func Corrupt(ctx context.Context, folder string, source Data, opt CorruptOptions) (_ *CorruptResult, err error) {
	c := &corruption{opt: opt, r: &CorruptResult{Schema: "wiseft.corrupt/1", Output: folder, Made: true, Wiseft: Version}}
	if err := c.plan(); err != nil {
		return nil, err
	}
	if err := output.CheckFolder(folder, datasets.SuiteFile,
		output.Options{Force: opt.Force, Inputs: source.paths()}); err != nil {
		return nil, err
	}
	if c.data, err = openData(ctx, source, opt.Monitor); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.close(c.data)) }()
	if c.r.SHA256, err = c.data.Hash(ctx); err != nil {
		return nil, err
	}
	c.r.Data, c.r.N = c.data.Info(), c.data.Len()
	opt.Monitor.note("these corruptions are self-made: figures on them are not comparable with published ones")
	start := time.Now()
	err = output.ReplaceFolder(folder, func(dir string) error {
		c.dir = dir
		if err := c.writeCells(ctx); err != nil {
			return err
		}
		c.notePoints()
		c.r.Seconds = time.Since(start).Seconds()
		return c.writeNotes()
	})
	return c.r, err
}

// corruption is one call of Corrupt.
type corruption struct {
	opt         CorruptOptions
	r           *CorruptResult
	suite       corrupt.Suite
	cells       []corruptCell
	cleanPoints int // points of the clean clouds; 0 is all
	data        datasets.Dataset
	dir         string // that is being filled
}

// corruptCell is one file. A hidden cell is drawn and not written, so that the stream proceeds as the reference's.
type corruptCell struct {
	corruption corrupt.Corruption // without a name: clean
	severity   int
	hidden     bool
}

// plan checks the options and lists the cells.
func (c *corruption) plan() error {
	name := c.opt.Suite
	if name == "" {
		name = defaultSuite
	}
	suite, err := corrupt.LookupSuite(name)
	if err != nil {
		return fault.Usagef("there is no suite %s", name).WithHint("see wiseft list suites")
	}
	c.suite = suite
	r := c.r
	r.Suite, r.RNG, r.Format = suite.Name, c.opt.RNG, c.opt.Format
	if c.opt.Seed != nil {
		r.Seed = *c.opt.Seed
	}
	if r.RNG == "" {
		r.RNG = "wiseft"
	}
	if r.Format == "" {
		r.Format = suite.Layout
	}
	if !slices.Contains(corrupt.Layouts(), r.Format) {
		return fault.Usagef("--as %s is not one of %s", r.Format, strings.Join(corrupt.Layouts(), ", "))
	}
	for _, s := range c.opt.Severities {
		if s < 1 || s > suite.Severities {
			return fault.Usagef("severity %d is not within 1-%d", s, suite.Severities)
		}
	}
	for _, name := range c.opt.Corruptions {
		if !slices.Contains(suite.Corruptions, name) {
			return fault.Usagef("suite %s has no corruption %s", suite.Name, name).
				WithHint("it has %s", strings.Join(suite.Corruptions, ", "))
		}
	}
	if k, _ := corrupt.Lookup(suite.Corruptions[0]); k.Cloud == nil {
		return fault.Usagef("suite %s is for images; only clouds are written to files", suite.Name).
			WithHint("wiseft bench corrupts images on the way")
	}
	order := suite.Corruptions
	switch r.RNG {
	case "numpy":
		if err := c.planStream(); err != nil {
			return err
		}
		order = suite.Stream
	case "wiseft":
	default:
		return fault.Usagef("--rng %s is not one of wiseft, numpy", r.RNG)
	}
	c.listCells(order)
	return nil
}

// planStream completes the plan for numpy's stream.
func (c *corruption) planStream() error {
	r := c.r
	if c.suite.Stream == nil {
		return fault.Usagef("suite %s has no reference stream", c.suite.Name).WithHint("use --rng wiseft")
	}
	if r.Stream = c.opt.Stream; r.Stream == "" {
		r.Stream = "global"
	}
	if r.Stream != "global" && r.Stream != "cell" {
		return fault.Usagef("--stream %s is not one of global, cell", r.Stream)
	}
	if c.opt.Seed == nil {
		r.Seed = uint64(c.suite.Seed)
	}
	if r.Seed > math.MaxUint32 {
		return fault.Usagef("--seed %d is beyond numpy's seeds, which end at %d", r.Seed, uint32(math.MaxUint32))
	}
	for _, name := range c.suite.Corruptions {
		if !slices.Contains(c.suite.Stream, name) {
			r.LeftOut = append(r.LeftOut, name)
		}
	}
	if k, _ := corrupt.Lookup(c.suite.Stream[0]); k.Choose > 0 {
		c.cleanPoints = k.Choose
		r.Notes = append(r.Notes,
			fmt.Sprintf("the clean clouds are the first %d points: the reference draws them at the end of its stream", k.Choose))
	}
	if len(r.LeftOut) > 0 {
		c.opt.Monitor.note("left out, having no reference stream: " + strings.Join(r.LeftOut, ", "))
	}
	return nil
}

// listCells lists the files in the order in which they are drawn, the clean one first.
func (c *corruption) listCells(order []string) {
	wanted := func(name string) bool {
		return slices.Contains(c.suite.Corruptions, name) &&
			(len(c.opt.Corruptions) == 0 || slices.Contains(c.opt.Corruptions, name))
	}
	c.cells = []corruptCell{{}}
	for _, name := range order {
		k, _ := corrupt.Lookup(name)
		for severity := 1; severity <= c.suite.Severities; severity++ {
			hidden := !wanted(name) || c.opt.Severities != nil && !slices.Contains(c.opt.Severities, severity)
			if !hidden || c.r.Stream == "global" {
				c.cells = append(c.cells, corruptCell{k, severity, hidden})
			}
		}
		if note := k.Note; note != "" && wanted(name) {
			c.r.Notes = append(c.r.Notes, name+": "+note)
		}
	}
}

// writeCells writes all files.
func (c *corruption) writeCells(ctx context.Context) error {
	labels := corrupt.Labels{Labels: make([]int64, c.data.Len()), Classes: c.r.Data.Classes,
		Origin: fmt.Sprintf("self-made with wiseft %s: %s, rng %s, seed %d; not the published files",
			c.r.Wiseft, c.r.Suite, c.r.RNG, c.r.Seed)}
	for i := range labels.Labels {
		labels.Labels[i] = c.data.Label(i)
	}
	if c.r.Format == "npy" {
		if err := c.writeFile("label.npy", CorruptFile{},
			func(w io.Writer) error { return corrupt.WriteLabels(w, labels.Labels) }); err != nil {
			return err
		}
	}
	stream := corrupt.NewStream(uint32(c.r.Seed))
	for k, cell := range c.cells {
		if c.r.Stream == "cell" {
			stream = corrupt.NewStream(uint32(c.r.Seed))
		}
		what := strings.TrimSpace(fmt.Sprintf("corrupting: %s %d", cell.corruption.Name, cell.severity))
		rows := counted(c.rows(ctx, cell, stream), func(i int) {
			c.opt.Monitor.progress(Progress{what, "clouds", k*c.r.N + i, len(c.cells) * c.r.N})
		})
		if cell.hidden {
			for _, err := range rows {
				if err != nil {
					return err
				}
			}
			continue
		}
		f := CorruptFile{Corruption: cell.corruption.Name, Severity: cell.severity}
		err := c.writeFile(corrupt.FileName(c.r.Format, f.Corruption, f.Severity), f, func(w io.Writer) (err error) {
			c.r.Files[len(c.r.Files)-1].Points, err = corrupt.WriteFile(w, c.r.Format, rows, labels)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rows returns the clouds of a cell.
func (c *corruption) rows(ctx context.Context, cell corruptCell, stream *corrupt.Stream) corrupt.Rows {
	switch {
	case cell.corruption.Name == "":
		if c.cleanPoints > 0 {
			return corrupt.CleanRows(ctx, firstPoints(c.data, c.cleanPoints))
		}
		return corrupt.CleanRows(ctx, c.data)
	case c.r.Stream != "":
		return stream.Rows(ctx, c.data, cell.corruption, cell.severity)
	}
	return corrupt.KeyedRows(ctx, c.data, cell.corruption, cell.severity, c.r.Seed)
}

// firstPoints keeps the first n points of every cloud.
func firstPoints(data datasets.Dataset, n int) datasets.Dataset {
	first, err := datasets.Apply(data, datasets.Preprocess{Points: n})
	if err != nil {
		panic("wiseft: a number of points is refused: " + err.Error())
	}
	return first
}

// counted calls tell with the number of rows so far.
func counted(rows corrupt.Rows, tell func(n int)) corrupt.Rows {
	return func(yield func(*corrupt.Cloud, error) bool) {
		n := 0
		for cloud, err := range rows {
			if n++; !yield(cloud, err) {
				return
			}
			tell(n)
		}
	}
}

// writeFile writes one file and adds it to the result.
func (c *corruption) writeFile(name string, f CorruptFile, write func(io.Writer) error) error {
	f.Name = name
	c.r.Files = append(c.r.Files, f)
	entry := &c.r.Files[len(c.r.Files)-1]
	written, err := output.WriteFile(filepath.Join(c.dir, name), output.Options{}, write)
	entry.SHA256, entry.Bytes = written.SHA256, written.SizeBytes
	return err
}

// publishedPoints is the size of the clouds for which the suites' counts of points are published.
const publishedPoints = 1024

// notePoints notes where clouds are of another size than the published ones.
func (c *corruption) notePoints() {
	for _, f := range c.r.Files {
		if f.Corruption == "" && f.Points > 0 && f.Points != publishedPoints {
			note := fmt.Sprintf("counts of points are published for clouds of %d; these have %d, and counts scale with them",
				publishedPoints, f.Points)
			c.r.Notes = append(c.r.Notes, note)
			c.opt.Monitor.note(note)
		}
	}
}

// writeNotes writes what a reader of the folder must know: suite.json for programs, README.md for people.
func (c *corruption) writeNotes() error {
	_, err := output.WriteFile(filepath.Join(c.dir, datasets.SuiteFile), output.Options{}, func(w io.Writer) error {
		return text.WriteJSON(w, c.r)
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "README.md"), []byte(c.r.readme()), 0o666)
}

func (r *CorruptResult) readme() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, self-made\n\n", r.Suite)
	fmt.Fprintf(&b, "Made with wiseft %s from `%s` (%d clouds, SHA-256 %s).\n", r.Wiseft, r.Data.Name, r.N, r.SHA256)
	b.WriteString("**These are not the published files**: " +
		"figures measured on them are not comparable with published ones.\n\n")
	fmt.Fprintf(&b, "- generator: %s, seed %d", r.RNG, r.Seed)
	if r.Stream != "" {
		fmt.Fprintf(&b, ", stream %s", r.Stream)
	}
	b.WriteString("\n")
	for _, line := range r.Data.History {
		fmt.Fprintf(&b, "- before: %s\n", line)
	}
	for _, name := range r.LeftOut {
		fmt.Fprintf(&b, "- left out: %s, which has no reference stream\n", name)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	b.WriteString("\n| file | corruption | severity | points | SHA-256 |\n|---|---|---|---|---|\n")
	for _, f := range r.Files {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s |\n", f.Name, f.Corruption, f.Severity, f.Points, f.SHA256)
	}
	return b.String()
}
