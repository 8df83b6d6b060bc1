package result

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/wiseft/wiseft/datasets/npy"
)

// Sample is a sample for a picture: a cloud or an image, reduced to what a small picture shows. The zero Sample has no
// picture.
type Sample struct {
	// Points are x y z each, in the ball that holds the clean cloud: its centre is 0 and its radius 1. Points of a
	// corrupted cloud may be outside.
	Points []float32
	PNG    []byte // an image
}

// SampleReach is the largest coordinate of a stored point: those beyond are stored there, outside of every picture.
const SampleReach = 4

const sampleSteps = math.MaxInt16 / SampleReach // of a coordinate's unit

// WriteSamples writes samples as an NPZ file: points <i2 (m,3), in steps of 1/8191, with counts (n,) of each sample; png
// |u1 (k,) with sizes (n,).
func WriteSamples(w io.Writer, samples []Sample) error {
	counts, sizes := make([]int64, len(samples)), make([]int64, len(samples))
	var points []int16
	var images []byte
	for i, s := range samples {
		for _, v := range s.Points {
			step := math.Round(float64(v) * sampleSteps)
			if math.IsNaN(step) {
				step = math.MaxInt16
			}
			points = append(points, int16(min(max(step, -math.MaxInt16), math.MaxInt16)))
		}
		images = append(images, s.PNG...)
		counts[i], sizes[i] = int64(len(s.Points)/3), int64(len(s.PNG))
	}
	z := npy.NewWriter(w)
	err := z.Array("points", "<i2", []int{len(points) / 3, 3}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, points)
	})
	if err == nil {
		err = z.Int64s("counts", counts)
	}
	if err == nil {
		err = z.Array("png", "|u1", []int{len(images)}, func(w io.Writer) error {
			_, err := w.Write(images)
			return err
		})
	}
	if err == nil {
		err = z.Int64s("sizes", sizes)
	}
	if err != nil {
		return err
	}
	return z.Close()
}

// ReadSamples reads what [WriteSamples] wrote, n samples.
func ReadSamples(r io.ReaderAt, size int64, n int) ([]Sample, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	var arrays [4][]int64
	for i, name := range []string{"points", "counts", "png", "sizes"} {
		if arrays[i], _, err = z.Int64s(name); err != nil {
			return nil, err
		}
	}
	points, counts, images, sizes := arrays[0], arrays[1], arrays[2], arrays[3]
	if len(counts) != n || len(sizes) != n {
		return nil, fmt.Errorf("%d samples, want %d", len(counts), n)
	}
	samples := make([]Sample, n)
	for i := range samples {
		if counts[i] < 0 || counts[i] > int64(len(points)/3) || sizes[i] < 0 || sizes[i] > int64(len(images)) {
			return nil, fmt.Errorf("sample %d has %d points and %d bytes of an image, more than there are", i, counts[i], sizes[i])
		}
		for _, step := range points[:3*counts[i]] {
			samples[i].Points = append(samples[i].Points, float32(float64(step)/sampleSteps))
		}
		for _, b := range images[:sizes[i]] {
			samples[i].PNG = append(samples[i].PNG, byte(b))
		}
		points, images = points[3*counts[i]:], images[sizes[i]:]
	}
	return samples, nil
}
