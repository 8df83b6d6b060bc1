// Package corrupt damages point clouds the way robustness benchmarks do.
//
// A [Corruption] changes one cloud at one of five severities; a [Suite] is a named
// list of corruptions in the order in which a benchmark evaluates them. [Wrap] puts
// a corruption over a data set. Corruptions and suites register themselves, one
// file each.
//
// What comes out depends on the seed, the corruption's name, the severity and the
// sample's index, and on nothing else: not on order, threads, shards, or the kind
// of processor (products are rounded before they are added, so that none fuses the
// two). It has the distributions of the reference generators, not their bits.
//
// The counts of points that some corruptions add or remove are published for clouds
// of 1,024 points. For n points we take count*n/1024, rounded down: exact at 1,024.
// A corruption never removes the last point.
package corrupt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
)

// Severities is how many severities every corruption has: 1 to 5.
const Severities = 5

// Corruption is one way to damage a cloud.
type Corruption struct {
	Name   string
	Doc    string // one line: what happens to the cloud
	Source string // where the definition comes from
	// Levels says for each severity what its parameter is, with unit.
	Levels [Severities]string
	// Apply changes dst, a cloud of at least one point, in place. It takes all
	// randomness from rng and keeps no state, so that several may run at once.
	// severity is 1 to 5.
	Apply func(rng *rand.Rand, severity int, dst *datasets.Sample)
}

var corruptions = map[string]Corruption{}

func register(c Corruption) {
	if c.Name == "" || c.Doc == "" || c.Source == "" || c.Apply == nil || slices.Contains(c.Levels[:], "") {
		panic("corrupt: half-filled corruption " + c.Name)
	}
	if _, ok := corruptions[c.Name]; ok {
		panic("corrupt: corruption registered twice: " + c.Name)
	}
	corruptions[c.Name] = c
}

// Lookup returns the corruption of that name.
func Lookup(name string) (Corruption, bool) {
	c, ok := corruptions[name]
	return c, ok
}

// All returns all corruptions, sorted by name.
func All() []Corruption {
	names := slices.Sorted(maps.Keys(corruptions))
	all := make([]Corruption, len(names))
	for i, name := range names {
		all[i] = corruptions[name]
	}
	return all
}

// Wrap returns ds with every cloud corrupted. Samples that are no clouds are errors
// when they are read. ds must stay open; closing the result does not close it.
func Wrap(ds datasets.Dataset, c Corruption, severity int, seed uint64) (datasets.Dataset, error) {
	if severity < 1 || severity > Severities {
		return nil, fmt.Errorf("corruption %s: severity is %d, want 1 to %d", c.Name, severity, Severities)
	}
	if c.Apply == nil {
		return nil, fmt.Errorf("corruption %q does nothing; known: %s", c.Name, names())
	}
	return &corrupted{Dataset: ds, c: c, severity: severity, seed: seed}, nil
}

func names() string {
	return strings.Join(slices.Sorted(maps.Keys(corruptions)), ", ")
}

type corrupted struct {
	datasets.Dataset
	c        Corruption
	severity int
	seed     uint64
}

// line describes the corruption for Info.History, and stands for it in the hash.
func (d *corrupted) line() string {
	return fmt.Sprintf("corrupt: %s severity %d (%s), seed %d, generator wiseft 1",
		d.c.Name, d.severity, d.c.Levels[d.severity-1], d.seed)
}

func (d *corrupted) Info() datasets.Info {
	info := d.Dataset.Info()
	info.History = append(slices.Clone(info.History), d.line())
	info.SelfMade = true
	return info
}

func (d *corrupted) Hash(ctx context.Context) (string, error) {
	return datasets.DerivedHash(ctx, d.Dataset, d.line())
}

func (d *corrupted) Close() error { return nil }

func (d *corrupted) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	if err := d.Dataset.Read(ctx, dst, i); err != nil {
		return err
	}
	if n, ok := dst.Points(); !ok || n == 0 {
		return &datasets.FormatError{
			Path:   d.Dataset.Info().Name,
			Detail: fmt.Sprintf("sample %d has shape %v: only clouds, [points 3], can be corrupted by %s", i, dst.Shape, d.c.Name),
		}
	}
	d.c.Apply(newRand(d.seed, d.c.Name, d.severity, i), d.severity, dst)
	return nil
}

// newRand returns the generator of one sample: ChaCha8 keyed by the SHA-256 of
// what the result may depend on.
func newRand(seed uint64, name string, severity, index int) *rand.Rand {
	b := []byte("wiseft corruption 1\x00")
	b = binary.LittleEndian.AppendUint64(b, seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(severity))
	b = binary.LittleEndian.AppendUint64(b, uint64(index))
	b = append(b, name...)
	return rand.New(rand.NewChaCha8(sha256.Sum256(b)))
}
