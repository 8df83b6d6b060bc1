package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Subset returns the samples idx of ds, in that order. why is a short text for Info.History on how they were
// chosen. idx is copied. It panics if an index is out of range. ds must stay open; closing the result does not close
// it.
func Subset(ds Dataset, idx []int, why string) Dataset {
	h := sha256.New()
	for _, i := range idx {
		if i < 0 || i >= ds.Len() {
			panic("datasets: Subset index out of range")
		}
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	}
	return &subset{
		Dataset: ds,
		idx:     slices.Clone(idx),
		line:    fmt.Sprintf("subset: %d of %d samples, %s", len(idx), ds.Len(), why),
		chosen:  hex.EncodeToString(h.Sum(nil)),
	}
}

type subset struct {
	Dataset
	idx    []int
	line   string
	chosen string // hash of idx
}

func (d *subset) Info() Info        { return withHistory(d.Dataset.Info(), d.line) }
func (d *subset) Len() int          { return len(d.idx) }
func (d *subset) Label(i int) int64 { return d.Dataset.Label(d.idx[i]) }
func (d *subset) Close() error      { return nil }

func (d *subset) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, d.Dataset.Info().Name+" (subset)", i, len(d.idx)); err != nil {
		return err
	}
	return d.Dataset.Read(ctx, dst, d.idx[i])
}

func (d *subset) Hash(ctx context.Context) (string, error) {
	return DerivedHash(ctx, d.Dataset, d.line+" "+d.chosen)
}

// Labels returns the labels of all samples of ds.
func Labels(ds Dataset) []int64 {
	y := make([]int64, ds.Len())
	for i := range y {
		y[i] = ds.Label(i)
	}
	return y
}

// SplitStratified splits samples with labels y at random, class by class, so that held has about fraction of each
// class: the nearest whole number, but at least one sample on either side if a class has two. Both lists are sorted.
// The result depends only on the labels, fraction and seed. With a fraction outside (0, 1), held is empty or rest is
// as empty as possible.
func SplitStratified(y []int64, fraction float64, seed uint64) (rest, held []int) {
	byLabel := map[int64][]int{}
	for i, label := range y {
		byLabel[label] = append(byLabel[label], i)
	}
	for _, label := range slices.Sorted(maps.Keys(byLabel)) {
		class := byLabel[label]
		n := len(class)
		k := 0
		if fraction > 0 {
			k = min(max(int(math.Round(min(fraction, 1)*float64(n))), 1), n-1)
		}
		keyedRand("wiseft split 1", seed, uint64(label)).Shuffle(n, func(i, j int) {
			class[i], class[j] = class[j], class[i]
		})
		held = append(held, class[:k]...)
		rest = append(rest, class[k:]...)
	}
	slices.Sort(rest)
	slices.Sort(held)
	return rest, held
}
