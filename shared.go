package wiseft

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench"
)

// namedSet is a data set with its role.
type namedSet struct {
	role string
	ds   datasets.Dataset
}

// checkShared compares the samples of a plan's clean training, validation and test data by their values. Samples that
// two of them share are an error, because figures would be of samples that a probe was fitted on or alpha was chosen
// on; with AllowShared they are notes of the result.
func (o MeasureOptions) checkShared(ctx context.Context, plan *bench.Plan) error {
	var sets []namedSet
	if plan.Train != nil {
		sets = append(sets, namedSet{"training", plan.Train})
	}
	for _, v := range plan.Vals {
		sets = append(sets, namedSet{"validation", v.Data})
	}
	for _, t := range plan.Tests {
		sets = append(sets, namedSet{"test", t.Data})
	}
	var earlier []map[[32]byte]int // the index of every sample, by set
	for i, set := range sets {
		samples, err := sampleHashes(ctx, set.ds)
		if err != nil {
			return err
		}
		for k, other := range earlier {
			if sets[k].role == set.role {
				continue // several test sets may show the same samples
			}
			if found := sharedText(sets[k], set, other, samples); found != "" {
				plan.Shared = append(plan.Shared, found)
			}
		}
		earlier = append(earlier, map[[32]byte]int{})
		for at, sum := range samples {
			earlier[i][sum] = at
		}
	}
	if len(plan.Shared) > 0 && !o.AllowShared {
		return fault.Mismatchf("%s", plan.Shared[0]).
			WithHint("remove them, or measure all the same with --allow-shared, which every result names")
	}
	return nil
}

// sharedText describes the samples of b that are in a, too; "" if there are none.
func sharedText(a, b namedSet, samples map[[32]byte]int, of [][32]byte) string {
	count, first, there := 0, 0, 0
	for at, sum := range of {
		if k, ok := samples[sum]; ok {
			if count++; count == 1 {
				first, there = at, k
			}
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("%s of the %s data %s %s in the %s data %s, too: sample %d is sample %d there",
		text.Count(count, "sample"), b.role, b.ds.Info().Name, map[bool]string{true: "is", false: "are"}[count == 1],
		a.role, a.ds.Info().Name, first, there)
}

// sampleHashes returns the hash of the values of every sample.
func sampleHashes(ctx context.Context, ds datasets.Dataset) ([][32]byte, error) {
	sums := make([][32]byte, ds.Len())
	var s datasets.Sample
	var raw []byte
	for i := range sums {
		if err := ds.Read(ctx, &s, i); err != nil {
			return nil, err
		}
		raw = raw[:0]
		for _, x := range s.X {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
		sums[i] = sha256.Sum256(raw)
	}
	return sums, nil
}
