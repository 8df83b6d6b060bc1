package datasets

import (
	"context"
	"fmt"
)

// PadClouds returns ds with every cloud of fewer points than points filled up to that number by its own points, drawn
// with replacement: the points of the cloud come first, and then those that seed and the sample's index draw. It reads
// every sample once; how many were filled up is a line of Info.History. It returns ds itself if no cloud is smaller. A
// sample that is no cloud is an error. ds must stay open; closing the result does not close it.
func PadClouds(ctx context.Context, ds Dataset, points int, seed uint64) (Dataset, error) {
	var s Sample
	padded, least := 0, points
	for i := range ds.Len() {
		if err := ds.Read(ctx, &s, i); err != nil {
			return nil, err
		}
		n, ok := s.Points()
		if !ok || n == 0 {
			return nil, malformed(ds.Info().Name, "sample %d has shape %v: only clouds, [points 3], can be filled up", i, s.Shape)
		}
		if n < points {
			padded, least = padded+1, min(least, n)
		}
	}
	if padded == 0 {
		return ds, nil
	}
	line := fmt.Sprintf("padded: %d of %d samples to %d points by points drawn again with replacement, seed %d; the smallest "+
		"has %d", padded, ds.Len(), points, seed, least)
	return &paddedClouds{Dataset: ds, points: points, seed: seed, line: line}, nil
}

type paddedClouds struct {
	Dataset
	points int
	seed   uint64
	line   string
}

func (d *paddedClouds) Info() Info { return withHistory(d.Dataset.Info(), d.line) }

func (d *paddedClouds) Hash(ctx context.Context) (string, error) {
	return DerivedHash(ctx, d.Dataset, d.line)
}

func (d *paddedClouds) Close() error { return nil }

func (d *paddedClouds) Read(ctx context.Context, dst *Sample, i int) error {
	if err := d.Dataset.Read(ctx, dst, i); err != nil {
		return err
	}
	n, ok := dst.Points()
	if !ok || n >= d.points {
		return nil
	}
	rng := keyedRand("wiseft pad 1", d.seed, uint64(i))
	for range d.points - n {
		at := 3 * rng.IntN(n)
		dst.X = append(dst.X, dst.X[at], dst.X[at+1], dst.X[at+2])
	}
	dst.Shape[0] = d.points
	return nil
}
