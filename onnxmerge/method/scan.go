package method

import "slices"

// Scan reads the tensor once, in order to compute sums or thresholds before the first element is merged. It cuts the
// tensor into stretches that depend on the tensor alone. part returns the [Part] that collects one stretch; several
// stretches may be collected concurrently. done receives the parts in the order of the tensor, so that sums do not
// depend on the number of workers. Neither part nor done is called concurrently. Blocks are cut as for
// [Mixer.Granule].
type Scan func(granule int64, part func() Part, done func(Part)) error

// Part collects data from consecutive blocks of a tensor.
type Part interface {
	// Add receives src[m][i], element off+i of every model m. It must not keep src, and may overwrite it.
	Add(src [][]float64, off int64)
}

// sums is a Part that adds up the sums of each block.
type sums struct {
	total []float64
	add   func(total []float64, src [][]float64, off int64)
}

func (s *sums) Add(src [][]float64, off int64) { s.add(s.total, src, off) }

// sum scans a tensor and returns n sums. add adds the sums of one block to total.
func sum(t *Tensor, granule int64, n int, add func(total []float64, src [][]float64, off int64)) ([]float64, error) {
	total := make([]float64, n)
	err := t.Scan(granule,
		func() Part { return &sums{make([]float64, n), add} },
		func(p Part) {
			for i, v := range p.(*sums).total {
				total[i] += v
			}
		})
	return total, err
}

// scratch returns n slices of the length of like.
func scratch(n int, like []float64) [][]float64 {
	all := make([]float64, n*len(like))
	list := make([][]float64, n)
	for i := range list {
		list[i] = all[i*len(like):][:len(like):len(like)]
	}
	return list
}

// ScanSlices returns a Scan over a tensor in memory: src[m] holds all elements of model m. It passes copies, in
// blocks of up to block elements; 0 means one block.
func ScanSlices(src [][]float64, block int) Scan {
	return func(granule int64, part func() Part, done func(Part)) error {
		p := part()
		defer func() { done(p) }()
		if len(src) == 0 {
			return nil
		}
		size := len(src[0])
		if block > 0 {
			size = max(1, block/int(max(1, granule))) * int(max(1, granule))
		}
		for at := 0; at < len(src[0]); at += size {
			end := min(at+size, len(src[0]))
			blocks := scratch(len(src), src[0][at:end])
			for m := range src {
				copy(blocks[m], src[m][at:end])
			}
			p.Add(blocks, int64(at))
		}
		return nil
	}
}

// Slices merges one tensor in memory: src[m] holds the elements of model m, followed by the Fisher informations if
// the method takes them. Slices sets Len, Models and Scan of t, and Survey, Dims and Note where they are unset.
// Blocks have up to block elements; 0 means all. It returns a new slice and does not change src.
func (m Method) Slices(t *Tensor, p Params, src [][]float64, block int) ([]float64, error) {
	full, err := m.CompleteBeyond(p)
	if err != nil {
		return nil, err
	}
	full = full.At(t.Depth)
	t.Models, t.Len, t.Scan = len(src), int64(len(src[0])), ScanSlices(src, block)
	if m.Fisher {
		t.Models /= 2
	}
	if err := m.CheckModels(full, t.Models); err != nil {
		return nil, err
	}
	if t.Dims == nil {
		t.Dims = []int64{t.Len}
	}
	if t.Note == nil {
		t.Note = func(string) {}
	}
	if m.Survey != nil && t.Survey == nil && t.Len > 0 {
		if t.Survey, err = m.Survey(t, full); err != nil {
			return nil, err
		}
	}
	mixer, err := m.New(t, full)
	if err != nil {
		return nil, err
	}
	if mixer.Copy {
		return slices.Clone(src[mixer.From]), nil
	}
	dst := make([]float64, t.Len)
	size := int(t.Len)
	if block > 0 {
		size = max(1, block/int(max(1, mixer.Granule))) * int(max(1, mixer.Granule))
	}
	for at := 0; at < len(dst); at += size {
		end := min(at+size, len(dst))
		blocks := scratch(len(src), dst[at:end])
		for k := range src {
			copy(blocks[k], src[k][at:end])
		}
		mixer.Mix(dst[at:end:end], blocks, int64(at))
	}
	return dst, nil
}
