package method

// Scan lets a method see all elements of a tensor before the first is mixed. It reads
// the tensor once: part makes what gathers from a stretch of it, which may happen in
// several goroutines, and done takes the parts back in the order of the tensor. part
// and done are called by one goroutine at a time, and which stretches there are
// depends on nothing but the tensor, so that sums are the same for any number of
// workers. Blocks are cut as [Mixer.Granule] says.
type Scan func(granule int64, part func() Part, done func(Part)) error

// Part gathers from consecutive blocks of a tensor.
type Part interface {
	// Add sees src[m][i], element off+i of every model m. It must not keep src, and may
	// change it.
	Add(src [][]float64, off int64)
}

// sums is a Part that adds up what each block gives.
type sums struct {
	total []float64
	add   func(total []float64, src [][]float64, off int64)
}

func (s *sums) Add(src [][]float64, off int64) { s.add(s.total, src, off) }

// sum scans a tensor for n sums. add adds those of a block to total.
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

// ScanSlices is a Scan over tensors that are held in memory: src[m] is the whole of
// model m. It is for tests and small tensors.
func ScanSlices(src [][]float64) Scan {
	return func(_ int64, part func() Part, done func(Part)) error {
		p := part()
		if len(src) > 0 && len(src[0]) > 0 {
			blocks := scratch(len(src), src[0])
			for m := range src {
				copy(blocks[m], src[m])
			}
			p.Add(blocks, 0)
		}
		done(p)
		return nil
	}
}
