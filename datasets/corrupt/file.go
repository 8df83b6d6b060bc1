package corrupt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/h5"
	"github.com/wiseft/wiseft/datasets/npy"
)

// Layouts are the ways to store a suite, each file a cell:
//
//   - hdf5: clean.h5 and <corruption>_<0 to 4>.h5, with data (n, points, 3) and label
//     (n, 1) int64, as ModelNet-C has them
//   - npy: data_original.npy, data_<corruption>_<1 to 5>.npy and label.npy (n, 1) uint8, as
//     ModelNet40-C has them
//   - npz: clean.npz and <corruption>_<1 to 5>.npz, with x, y and classes
func Layouts() []string { return []string{"hdf5", "npy", "npz"} }

// FileName returns the name of a cell's file; corruption "" is the clean one.
func FileName(layout, corruption string, severity int) string {
	name, extension := "clean", layout
	switch layout {
	case "hdf5":
		severity--
		extension = "h5"
	case "npy":
		name = "data_original"
		if corruption != "" {
			corruption = "data_" + corruption
		}
	}
	if corruption != "" {
		name = fmt.Sprintf("%s_%d", corruption, severity)
	}
	return name + "." + extension
}

// Labels is what a file holds beside the clouds.
type Labels struct {
	Labels  []int64
	Classes []string // names; may be nil
	// Origin describes how the clouds were made. It becomes an attribute of HDF5 files.
	Origin string
}

// WriteFile writes clouds, which must all have the same number of points, as one file in a layout, and returns that
// number. Values are float32, or float64 if the reference's are. Rows are read one at a time. The caller closes w.
func WriteFile(w io.Writer, layout string, rows Rows, labels Labels) (points int, err error) {
	next, stop := iter.Pull2(rows)
	defer stop()
	first, err, ok := next()
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, errors.New("there are no samples to write")
	}
	points, n := len(first.Points), len(labels.Labels)
	shape, double := []int{n, points, 3}, first.Double
	write := func(out io.Writer) error {
		var b []byte
		cloud := first
		for i := range n {
			if i > 0 {
				if cloud, err, ok = next(); err != nil || !ok {
					return errors.Join(err, endOf(ok, i, n))
				}
			}
			if len(cloud.Points) != points || cloud.Double != double {
				return fmt.Errorf("sample %d has %d points, but sample 0 has %d; the clouds of an array need one number of points",
					i, len(cloud.Points), points)
			}
			b = cloud.appendBytes(b[:0])
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
		return nil
	}
	descr, kind := "<f4", h5.Float32
	if double {
		descr, kind = "<f8", h5.Float64
	}
	switch layout {
	case "hdf5":
		return points, h5.Write(w, []h5.Attribute{{Name: "origin", Value: labels.Origin}}, []h5.Column{
			{Name: "data", Type: kind, Shape: shape, Write: write},
			{Name: "label", Type: h5.Int64, Shape: []int{n, 1}, Write: func(out io.Writer) error {
				return binary.Write(out, binary.LittleEndian, labels.Labels)
			}},
		})
	case "npy":
		return points, npy.WriteArray(w, descr, shape, write)
	case "npz":
		z := npy.NewWriter(w)
		err := z.Array("x", descr, shape, write)
		if err == nil {
			err = z.Int64s("y", labels.Labels)
		}
		if err == nil && len(labels.Classes) > 0 {
			err = z.Strings("classes", labels.Classes)
		}
		if err == nil {
			err = z.Close()
		}
		return points, err
	}
	return 0, fmt.Errorf("there is no layout %q; there are: %s", layout, strings.Join(Layouts(), ", "))
}

func endOf(ok bool, i, n int) error {
	if ok {
		return nil
	}
	return fmt.Errorf("there are %d samples, want %d", i, n)
}

// appendBytes appends the coordinates, little-endian.
func (c *Cloud) appendBytes(b []byte) []byte {
	b = slices.Grow(b, 24*len(c.Points))
	for _, p := range c.Points {
		for _, v := range p {
			if c.Double {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			} else {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
			}
		}
	}
	return b
}

// WriteLabels writes label.npy of the npy layout.
func WriteLabels(w io.Writer, labels []int64) error {
	b := make([]byte, len(labels))
	for i, l := range labels {
		if l < 0 || l > math.MaxUint8 {
			return fmt.Errorf("sample %d has label %d; label.npy stores labels from 0 to 255", i, l)
		}
		b[i] = byte(l)
	}
	return npy.WriteArray(w, "|u1", []int{len(labels), 1}, func(out io.Writer) error {
		_, err := out.Write(b)
		return err
	})
}
