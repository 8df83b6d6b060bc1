package onnxmerge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// files is an Output in memory.
type files map[string]*bytes.Buffer

func (f files) Create(name string) (io.Writer, error) {
	f[name] = &bytes.Buffer{}
	return f[name], nil
}

var origin = &Origin{Version: "v0.1.0", Files: []string{"pretrained.onnx", "finetuned.onnx"}}

// A merge repeated with the options in the merged model's provenance gives the same files, byte for byte.
func TestMergeIsReproducibleFromItsProvenance(t *testing.T) {
	t.Parallel()
	external := func(name string) string { return local(filepath.Join("external", name)) }
	for _, c := range []struct {
		name   string
		a, b   string
		opt    Options
		layout onnx.WriteOptions
	}{
		{"one file", local("pretrained.onnx"), local("finetuned.onnx"),
			Options{Params: method.Params{"alpha": 0.3}, Exclude: []string{"fc2*"}, Workers: 2}, onnx.WriteOptions{}},
		{"data files", external("pretrained.onnx"), external("finetuned.onnx"),
			Options{Params: method.Params{"alpha": 1.2}, Extrapolate: true}, onnx.WriteOptions{DataName: "m.data"}},
		{"moved out", local("pretrained.onnx"), local("finetuned.onnx"), Options{Include: []string{"fc*"}},
			onnx.WriteOptions{Layout: onnx.Outside, DataName: "m.data", ShardBytes: 100}},
	} {
		a, b := openPath(t, c.a), openPath(t, c.b)
		write := func(opt Options, layout onnx.WriteOptions, from *Origin) files {
			plan, err := planPair(t.Context(), a, b, opt)
			if err != nil {
				t.Fatal(err)
			}
			out := files{}
			if _, err := Write(t.Context(), out, plan, WriteOptions{layout, from}, nil); err != nil {
				t.Fatal(err)
			}
			return out
		}
		first := write(c.opt, c.layout, origin)
		text := between(t, first[""].Bytes())
		var from Provenance
		if err := json.Unmarshal(text, &from); err != nil {
			t.Fatal(err)
		}
		layout := onnx.WriteOptions{Layout: from.Layout(), DataName: "m.data", ShardBytes: from.ShardBytes}
		again := write(from.Options(), layout,
			&Origin{Version: from.Version, Files: []string{from.Models[0].File, from.Models[1].File}})
		if len(again) != len(first) {
			t.Errorf("%s: %d files, then %d", c.name, len(first), len(again))
		}
		for name, want := range first {
			if got := again[name]; got == nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Errorf("%s: file %q differs", c.name, name)
			}
		}
	}
}

// between returns the provenance in a model file, whose data files it does not open.
func between(t testing.TB, model []byte) []byte {
	t.Helper()
	m := openBytes(t, model)
	text := m.Property(onnx.ProvenanceKey)
	if text == "" {
		t.Fatal("no provenance")
	}
	return []byte(text)
}

func TestProvenanceNamesTheInputs(t *testing.T) {
	t.Parallel()
	a, dataA := open(t, local("pretrained.onnx"))
	b, _ := open(t, local("finetuned.onnx"))
	merged := func(a, b *onnx.Model) *onnx.Model {
		plan, err := planPair(t.Context(), a, b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		opt := WriteOptions{onnx.WriteOptions{Layout: onnx.Inside}, origin}
		if _, err := Write(t.Context(), onnx.Single(&out), plan, opt, nil); err != nil {
			t.Fatal(err)
		}
		return openBytes(t, out.Bytes())
	}
	first := merged(a, b)
	p, err := ReadProvenance(first)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(dataA)
	if m := p.Models[0]; m.SHA256 != hex.EncodeToString(sum[:]) || m.Bytes != int64(len(dataA)) ||
		m.File != "pretrained.onnx" || m.From != nil {
		t.Errorf("pre-trained model %+v", m)
	}
	if p.Version != "v0.1.0" || p.Method != "linear" || p.Params["alpha"] != 0.5 || p.Merged != 4 || p.Copied != 3 {
		t.Errorf("provenance %+v", p)
	}
	second, err := ReadProvenance(merged(a, first))
	if err != nil {
		t.Fatal(err)
	}
	var inner Provenance
	if err := json.Unmarshal(second.Models[1].From, &inner); err != nil || inner.Models[0].SHA256 != p.Models[0].SHA256 {
		t.Errorf("the provenance of the merged source is missing: %s (%v)", second.Models[1].From, err)
	}
	var format onnx.FormatError
	if _, err := ReadProvenance(a); !errors.As(err, &format) {
		t.Errorf("no provenance: error %v, want a FormatError", err)
	}
}

// An origin without a file name for every input is refused before anything is written.
func TestOriginNamesEveryInput(t *testing.T) {
	t.Parallel()
	a, _ := open(t, local("pretrained.onnx"))
	b, _ := open(t, local("finetuned.onnx"))
	plan, err := planPair(t.Context(), a, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{nil, {"pretrained.onnx"}, {"1", "2", "3"}} {
		var out bytes.Buffer
		_, err := Write(t.Context(), onnx.Single(&out), plan, WriteOptions{Origin: &Origin{Files: names}}, nil)
		if err == nil || out.Len() != 0 {
			t.Errorf("%d names for two models: %d bytes written, error %v", len(names), out.Len(), err)
		}
	}
}

// Verify finds changed and missing tensors, other dtypes, and another structure.
func TestVerifyFindsDifferences(t *testing.T) {
	t.Parallel()
	a, _ := open(t, local("pretrained.onnx"))
	b, _ := open(t, local("finetuned.onnx"))
	plan, err := planPair(t.Context(), a, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := openBytes(t, merge(t, a, b, 0.5, 1))
	small := func(id string) map[string][]byte {
		p := payload(t, good.Lookup(id))
		p[len(p)-1] ^= 1
		return map[string][]byte{id: p}
	}
	other := openPath(t, local("finetuned_other_use.onnx"))
	for _, c := range []struct {
		name  string
		model *onnx.Model
		want  string
	}{
		{"the merge", good, ""},
		{"a merged tensor", withPayloads(t, good, small("fc1.weight")), `"fc1.weight": its bytes from 0 to 96 differ`},
		{"a copied tensor", withPayloads(t, good, small("head.bias")), `"head.bias"`},
		{"the fine-tuned model", b, `"fc1.weight"`},
		{"another operator", other, "structure"},
		{"a missing tensor", other, `"head.weight" is missing`},
		{"another dtype", openPath(t, local("pretrained_float16.onnx")), "float16 [8 3], want float32 [8 3]"},
	} {
		for _, all := range []bool{false, true} {
			v, err := Verify(t.Context(), c.model, plan, VerifyOptions{All: all}, nil)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(v.Differences, "\n")
			if !strings.Contains(text, c.want) || (text == "") != (c.want == "") {
				t.Errorf("%s: differences %q, want %q", c.name, text, c.want)
			}
		}
	}
	v, err := Verify(t.Context(), good, plan, VerifyOptions{}, nil)
	if err != nil || v.Tensors != 7 || v.Bytes == 0 {
		t.Errorf("%d tensors, %d bytes are compared (%v)", v.Tensors, v.Bytes, err)
	}
}

func TestSamplesCoverTheEndsAndRepeat(t *testing.T) {
	t.Parallel()
	collect := func(size int64, opt VerifyOptions) []int64 {
		var list []int64
		for off := range offsets(size, opt) {
			if off < 0 || off >= size || off%sampleBytes != 0 {
				t.Errorf("offset %d of %d", off, size)
			}
			list = append(list, off)
		}
		return list
	}
	const size = 1000*sampleBytes + 5
	got := collect(size, VerifyOptions{})
	if len(got) != 10 || got[0] != 0 || got[1] != 1000*sampleBytes {
		t.Errorf("samples %v", got)
	}
	if n := len(collect(size, VerifyOptions{All: true})); n != 1001 {
		t.Errorf("%d ranges for all", n)
	}
	if len(collect(0, VerifyOptions{})) != 0 || len(collect(1, VerifyOptions{})) != 1 {
		t.Error("small payloads")
	}
	if a, b := collect(size, VerifyOptions{Seed: 1}), collect(size, VerifyOptions{Seed: 2}); a[5] == b[5] && a[6] == b[6] {
		t.Error("the seed changes nothing")
	}
}
