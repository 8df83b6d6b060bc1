package pair

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// corpusFile is an export of an architecture with weight set "a" (pre-trained) or "b" (fine-tuned), with the origin
// of its tensors as determined by scripts/corpus.
type corpusFile struct {
	File         string         `json:"file"`
	Architecture string         `json:"architecture"`
	Weights      string         `json:"weights"`
	Head         string         `json:"head"`
	Export       string         `json:"export"`
	Tensors      []corpusTensor `json:"tensors"`

	model *onnx.Model
}

// corpusTensor is a tensor of the model and the origin of its elements: a parameter, several joined parameters, a
// value computed from parameters, or a constant, which both weight sets share.
type corpusTensor struct {
	ID    string  `json:"id"`
	DType string  `json:"dtype"` // "" means float32
	Dims  []int64 `json:"dims"`

	Constant string `json:"constant"` // reason: "integer", "scalar", "zeros" and others
	Computed string `json:"computed"`
	corpusOrigin
}

// corpusOrigin lists which elements of which parameter a tensor holds, and their order.
type corpusOrigin struct {
	Param      string         `json:"param"`
	Tied       []string       `json:"tied"`       // other names of the parameter
	Folded     []string       `json:"folded"`     // BatchNorms folded into it
	Sliced     []int          `json:"sliced"`     // axis of the parameter, first row, row after the last
	Reordered  *corpusBlocks  `json:"reordered"`  // gates of recurrent layers
	Repeated   int            `json:"repeated"`   // number of repetitions of the rows
	Joined     int            `json:"joined"`     // the axis along which Parts are joined
	Parts      []corpusOrigin `json:"parts"`      // nil unless joined from several parameters
	Transposed []int          `json:"transposed"` // nil for PyTorch's axis order
	Reshaped   bool           `json:"reshaped"`
}

type corpusBlocks struct {
	Axis   int   `json:"axis"`
	Blocks []int `json:"blocks"`
}

type corpusManifest struct {
	Exports  map[string]string `json:"exports"`
	Failures []struct{ Architecture, Weights, Export, Reason string }
	Files    []corpusFile `json:"files"`
}

const corpusFolder = "testdata/corpus"

var loadCorpus = sync.OnceValues(func() (*corpusManifest, error) {
	text, err := os.ReadFile(filepath.Join(corpusFolder, "manifest.json"))
	if err != nil {
		return nil, err
	}
	var m corpusManifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	for i := range m.Files {
		if err := m.Files[i].open(); err != nil {
			return nil, fmt.Errorf("%s: %v", m.Files[i].File, err)
		}
	}
	return &m, nil
})

func (f *corpusFile) open() error {
	file, err := os.Open(filepath.Join(corpusFolder, f.File))
	if err != nil {
		return err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	f.model, err = onnx.Open(bytes.NewReader(data), int64(len(data)))
	return err
}

// corpus returns all files of the corpus, opened.
func corpus(t testing.TB) []corpusFile {
	t.Helper()
	m, err := loadCorpus()
	if err != nil {
		t.Fatal(err)
	}
	return m.Files
}

// corpusPairs calls f with every pair of a pre-trained and a fine-tuned file of one architecture, in a subtest per
// architecture.
func corpusPairs(t *testing.T, f func(t *testing.T, a, b corpusFile)) {
	t.Helper()
	files := map[string][2][]corpusFile{}
	for _, file := range corpus(t) {
		sides := files[file.Architecture]
		side := strings.Index("ab", file.Weights)
		sides[side] = append(sides[side], file)
		files[file.Architecture] = sides
	}
	if len(files) < 12 {
		t.Fatalf("%d architectures", len(files))
	}
	for architecture, sides := range files {
		t.Run(architecture, func(t *testing.T) {
			if len(sides[0]) < 7 || len(sides[1]) < 7 {
				t.Errorf("%d and %d exports", len(sides[0]), len(sides[1]))
			}
			for _, a := range sides[0] {
				for _, b := range sides[1] {
					f(t, a, b)
				}
			}
		})
	}
}

// TestCorpusIsWhole checks that the manifest lists exactly the files that exist, and for each file exactly the
// tensors that onnx.Open finds.
func TestCorpusIsWhole(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, f := range corpus(t) {
		listed[f.File] = true
		var got, want []string
		for _, x := range f.model.Tensors {
			got = append(got, fmt.Sprintf("%s %s %v", x.ID(), x.DType, slices.Concat([]int64{}, x.Dims)))
		}
		for _, x := range f.Tensors {
			if x.DType == "" {
				x.DType = "float32"
			}
			want = append(want, fmt.Sprintf("%s %s %v", x.ID, x.DType, x.Dims))
			kinds := 0
			for _, is := range []bool{x.Constant != "", x.Computed != "", x.Param != "", x.Parts != nil} {
				if is {
					kinds++
				}
			}
			if kinds != 1 {
				t.Errorf("%s: %s is %d kinds of things", f.File, x.ID, kinds)
			}
		}
		for _, x := range got {
			if !slices.Contains(want, x) {
				t.Errorf("%s: %s is not in the manifest", f.File, x)
			}
		}
		for _, x := range want {
			if !slices.Contains(got, x) {
				t.Errorf("%s: %s is not in the model", f.File, x)
			}
		}
		if len(got) == 0 || len(got) != len(want) {
			t.Errorf("%s: %d tensors, %d in the manifest", f.File, len(got), len(want))
		}
	}
	stored, err := filepath.Glob(corpusFolder + "/*/*")
	if err != nil || len(stored) != len(listed) {
		t.Errorf("%d files, %d in the manifest, %v", len(stored), len(listed), err)
	}
	for _, file := range stored {
		if rel, _ := filepath.Rel(corpusFolder, file); !listed[filepath.ToSlash(rel)] {
			t.Errorf("%s is not in the manifest", rel)
		}
	}
}

// TestCorpusConstants checks that the constants of the manifest are equal in both weight sets, which a weight would
// not be.
func TestCorpusConstants(t *testing.T) {
	t.Parallel()
	compared := 0
	corpusPairs(t, func(t *testing.T, a, b corpusFile) {
		if a.Export != b.Export || a.Head != b.Head {
			return
		}
		ca, cb := constants(t, a), constants(t, b)
		if !slices.Equal(ca, cb) {
			t.Errorf("the constants of %s and %s are not the same", a.File, b.File)
		}
		compared += len(ca)
	})
	if compared < 1000 {
		t.Errorf("%d constants compared", compared)
	}
}

// constants returns dtype, dims and bytes of a file's constants, sorted, because names may differ.
func constants(t *testing.T, f corpusFile) []string {
	t.Helper()
	var list []string
	for _, x := range f.Tensors {
		if x.Constant == "" {
			continue
		}
		data := make([]byte, f.model.Lookup(x.ID).SizeBytes())
		if err := f.model.Lookup(x.ID).ReadAt(data, 0); err != nil && len(data) > 0 {
			t.Fatalf("%s: %v", f.File, err)
		}
		list = append(list, fmt.Sprintf("%s %v %x", x.DType, x.Dims, data))
	}
	slices.Sort(list)
	return list
}
