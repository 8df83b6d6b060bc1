package adapter

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/memorytest"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// numbers returns a tensor of float32 with elements 1, 2, 3 and so on.
func numbers(name string, dims ...int64) *checkpoint.Tensor {
	values := make([]float64, length(dims))
	for i := range values {
		values[i] = float64(i + 1)
	}
	return tensorOf(name, dims, values)
}

func tensorOf(name string, dims []int64, values []float64) *checkpoint.Tensor {
	codec, _ := onnx.Float32.Codec()
	raw := make([]byte, 4*len(values))
	codec.Encode(raw, values)
	return checkpoint.NewTensor(name, onnx.Float32, dims, func(dst []byte, off int64) error {
		copy(dst, raw[off:])
		return nil
	})
}

func tensors(t testing.TB, list ...*checkpoint.Tensor) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.New(checkpoint.Safetensors, list)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const plainConfig = `{"peft_type":"LORA","r":2,"lora_alpha":4}`

// layerOf returns the factors of a layer of rank 2.
func layerOf(name string, out, in int64) []*checkpoint.Tensor {
	return []*checkpoint.Tensor{numbers(peftPrefix+name+".lora_A.weight", 2, in), numbers(peftPrefix+name+".lora_B.weight", out, 2)}
}

// TestConfigs opens an adapter with configurations that are refused, "" for one that is not.
func TestConfigs(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		plainConfig: "",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"init_lora_weights":true,"future_number":3,"megatron_config":null}`: "",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"init_lora_weights":"gaussian","future":false}`:                     "",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"init_lora_weights":"pissa_niter_4"}`:                               "may change the weights of the network",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"init_lora_weights":"olora"}`:                                       "may change the weights of the network",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"use_future":true}`:                                                 `"use_future" is not known`,
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"lora_bias":true}`:                                                  "lora_bias is not supported",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"layer_replication":[[0,4]]}`:                                       "layer_replication is not supported",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"use_dora":true}`:                                                   "magnitude",
		`{"peft_type":"LORA","r":4,"lora_alpha":4}`:                                                                   "have rank 2, and adapter_config.json says 4",
		`{"peft_type":"LORA","r":0,"lora_alpha":4}`:                                                                   "r must be a positive integer",
		`{"peft_type":"LORA","r":2.5,"lora_alpha":4}`:                                                                 "r must be a positive integer",
		`{"peft_type":"LORA","r":2}`:                                                                                  "lora_alpha a number; they are 2 and missing",
		`{"peft_type":"LORA","r":2,"lora_alpha":"4"}`:                                                                 "lora_alpha is",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"bias":"some"}`:                                                     "none of none, all and lora_only",
		"{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4}\n\f":                                                       "1 more bytes",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"r":2}`:                                                             `"r" occurs twice`,
		`{"peft_type":"LORA","r":2,"lora_alpha":4} x`:                                                                 "followed by 1 more",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"rank_pattern":{"(?=q)":2}}`:                                        "no regular expression that is supported",
		`{"peft_type":"LORA","r":2,"lora_alpha":4,"alpha_pattern":{"q":"x"}}`:                                         "where a number is expected",
		`{"peft_type":"LOHA","r":2,"lora_alpha":4}`:                                                                   "peft_type is LOHA; only LORA",
		`{"r":2,"lora_alpha":4}`:                                                                                      "peft_type is missing",
		`[]`:                                                                                                          "not a JSON object",
		``:                                                                                                            "adapter_config.json",
	} {
		_, err := Open(tensors(t, layerOf("q", 3, 4)...), []byte(config))
		checkError(t, config, err, want, fault.Input)
	}
	_, err := Open(tensors(t, layerOf("q", 3, 4)...), nil)
	checkError(t, "no configuration", err, "without adapter_config.json", fault.Input)
}

func checkError(t *testing.T, what string, err error, want string, kind fault.Kind) {
	t.Helper()
	switch {
	case want == "" && err != nil, want != "" && err == nil:
		t.Errorf("%s: %v, want %q", what, err, want)
	case want != "" && (!strings.Contains(err.Error(), want) || fault.KindOf(err) != kind):
		t.Errorf("%s: %v of kind %v, want %q of kind %v", what, err, fault.KindOf(err), want, kind)
	}
}

// TestTensors opens adapters whose tensors are refused.
func TestTensors(t *testing.T) {
	t.Parallel()
	q := layerOf("q", 3, 4)
	for want, list := range map[string][]*checkpoint.Tensor{
		"is one of LoHa":                {numbers("lora_unet_q.hada_w1_a", 2, 2)},
		"is one of LoKr":                {numbers("lora_unet_q.lokr_w1", 2, 2)},
		"is one of LyCORIS' DoRA":       {numbers("lora_unet_q.dora_scale", 2, 2)},
		"is one of LoCon":               {numbers("lora_unet_q.lora_mid.weight", 2, 2)},
		"one of AdaLoRA":                append(slices.Clone(q), numbers(peftPrefix+"q.lora_E", 2, 1)),
		"biases of LoRA's layers":       append(slices.Clone(q), numbers(peftPrefix+"q.lora_B.bias", 3)),
		"names of PEFT's adapters":      {numbers("q.lora_A.weight", 2, 4)},
		"one of the two factors":        q[:1],
		"belongs to nothing":            append(slices.Clone(q), numbers(peftPrefix+"norm.weight", 3)),
		"[r, in, ...] and":              {q[0], numbers(peftPrefix+"q.lora_B.weight", 3, 5)},
		"begins with none of":           {numbers("other_q.lora_up.weight", 2, 2)},
		"does not have both":            {numbers("lora_unet_q.lora_up.weight", 2, 2)},
		"is not known; layers have":     {numbers("lora_unet_q.lora_up.weight", 2, 2), numbers("lora_unet_q.extra", 1)},
		"one number is expected":        {numbers("lora_unet_q.lora_up.weight", 2, 2), numbers("lora_unet_q.alpha", 2)},
		"a number other than 0":         {numbers("lora_unet_q.lora_up.weight", 2, 2), tensorOf("lora_unet_q.alpha", nil, []float64{0})},
		"names of PEFT's adapters begi": {numbers("w", 1)},
	} {
		_, err := Open(tensors(t, list...), []byte(plainConfig))
		checkError(t, want, err, want, fault.Input)
	}
}

// TestPlaces applies adapters to networks that have, and have not, what they change.
func TestPlaces(t *testing.T) {
	t.Parallel()
	known := func(transposed bool) Options {
		return Options{Orientation: func(string) (bool, bool) { return transposed, true }}
	}
	unknown := Options{Orientation: func(string) (bool, bool) { return false, false }}
	for _, c := range []struct {
		what, want string
		layer      []*checkpoint.Tensor
		base       []*checkpoint.Tensor
		opt        Options
	}{
		{"equal names", "", layerOf("m.q", 3, 4), []*checkpoint.Tensor{numbers("m.q.weight", 3, 4)}, Options{}},
		{"a prefix more", "", layerOf("m.q", 3, 4), []*checkpoint.Tensor{numbers("net.m.q.weight", 3, 4)}, Options{}},
		{"a prefix less", "", layerOf("net.m.q", 3, 4), []*checkpoint.Tensor{numbers("m.q.weight", 3, 4)}, Options{}},
		{"two prefixes", "q.weight: no tensor has its name", layerOf("q", 3, 4),
			[]*checkpoint.Tensor{numbers("a.q.weight", 3, 4), numbers("b.q.weight", 3, 4)}, Options{}},
		{"one of two missing", "1 of the adapter's 2 layers are not found:\n  k.weight", append(layerOf("q", 3, 4), layerOf("k", 3, 4)...),
			[]*checkpoint.Tensor{numbers("q.weight", 3, 4)}, Options{}},
		{"another shape", "do not fit its tensor of shape [3 5]", layerOf("q", 3, 4), []*checkpoint.Tensor{numbers("q.weight", 3, 5)},
			Options{}},
		{"transposed by shape", "", layerOf("q", 3, 4), []*checkpoint.Tensor{numbers("q.weight", 4, 3)}, Options{}},
		{"a convolution of size 1", "", layerOf("q", 3, 4), []*checkpoint.Tensor{numbers("q.weight", 3, 4, 1, 1)}, Options{}},
		{"square in a checkpoint", "", layerOf("q", 3, 3), []*checkpoint.Tensor{numbers("q.weight", 3, 3)}, Options{}},
		{"square, known", "", layerOf("q", 3, 3), []*checkpoint.Tensor{numbers("q.weight", 3, 3)}, known(true)},
		{"square, not known", "whether it is stored as [out, in]", layerOf("q", 3, 3), []*checkpoint.Tensor{numbers("q.weight", 3, 3)},
			unknown},
		{"square where another contradicts", "fan_in_fan_out", append(layerOf("q", 3, 3), layerOf("k", 3, 4)...),
			[]*checkpoint.Tensor{numbers("q.weight", 3, 3), numbers("k.weight", 4, 3)}, Options{}},
	} {
		a, err := Open(tensors(t, c.layer...), []byte(plainConfig))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Apply(tensors(t, c.base...), []Scaled{{a, 1}}, c.opt)
		checkError(t, c.what, err, c.want, fault.Mismatch)
	}
}

// TestOrientation adds to a square weight as it is stored.
func TestOrientation(t *testing.T) {
	t.Parallel()
	a, err := Open(tensors(t, layerOf("q", 2, 2)...), []byte(plainConfig))
	if err != nil {
		t.Fatal(err)
	}
	base := tensors(t, tensorOf("q.weight", []int64{2, 2}, make([]float64, 4)))
	for transposed, want := range map[bool][]float64{false: {14, 20, 30, 44}, true: {14, 30, 20, 44}} {
		out, err := Apply(base, []Scaled{{a, 1}}, Options{Orientation: func(string) (bool, bool) { return transposed, true }})
		if err != nil {
			t.Fatal(err)
		}
		if got := elements(t, out.Checkpoint, "q.weight"); !slices.Equal(got, want) { // 4 / 2 * [[1 2] [3 4]] [[1 2] [3 4]]
			t.Errorf("transposed %v: %v, want %v", transposed, got, want)
		}
	}
}

// TestPatterns finds factors as PEFT does: the first pattern that matches the end of a name, in the order of the document.
func TestPatterns(t *testing.T) {
	t.Parallel()
	c, err := parseConfig([]byte(`{"peft_type":"LORA","r":2,"lora_alpha":4,"alpha_pattern":{"layers\\.[01]\\.q":6,"q|k":8,"v_proj":10,"^o":2},
		"rank_pattern":{"v_proj":5}}`))
	if err != nil {
		t.Fatal(err)
	}
	for layer, want := range map[string]float64{"m.layers.0.q": 3, "m.layers.2.q": 4, "k": 4, "m.bk": 2, "m.v_proj": 2, "v_projx": 2, "o": 1, "m.o": 2} {
		if _, s := c.scaling(layer); s != want {
			t.Errorf("%s: %v, want %v", layer, s, want)
		}
	}
}

// TestNotFinite refuses an adapter with elements that are no numbers when it is read.
func TestNotFinite(t *testing.T) {
	t.Parallel()
	layer := layerOf("q", 1, 2)
	layer[0] = tensorOf(layer[0].Name, layer[0].Dims, []float64{1, 2, math.Inf(1), 4})
	a, err := Open(tensors(t, layer...), []byte(plainConfig))
	if err != nil {
		t.Fatal(err)
	}
	x := apply(t, tensors(t, numbers("q.weight", 1, 2)), Scaled{a, 1}).Lookup("q.weight")
	checkError(t, "infinite", x.ReadAt(make([]byte, 8), 0), "lora_A.weight\" of the adapter has elements that are not finite", fault.Input)
}

// fuzzApplied calls check with arbitrary adapters and configurations, and what opens them and applies them to networks with
// layers of the test data, of which it reads every tensor.
func fuzzApplied(f *testing.F, check func(t *testing.T, size int, apply func())) {
	f.Helper()
	for _, name := range []string{"linear", "dora", "saved", "embedding", "conv", "gpt2"} {
		config, err1 := os.ReadFile(filepath.Join("testdata", name, "adapter_config.json"))
		data, err2 := os.ReadFile(filepath.Join("testdata", name, "adapter_model.safetensors"))
		if err1 != nil || err2 != nil {
			f.Fatal(err1, err2)
		}
		f.Add(data, config)
	}
	kohya, err := os.ReadFile("testdata/conv/kohya.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(kohya, []byte(nil))
	var bases []*checkpoint.Checkpoint
	for _, name := range []string{"linear", "conv", "gpt2"} {
		bases = append(bases, openTensors(f, name, "base.safetensors"))
	}
	f.Fuzz(func(t *testing.T, data, config []byte) {
		check(t, len(data)+len(config), func() {
			c, err := checkpoint.Open(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				return
			}
			a, err := Open(c, config)
			if err != nil {
				if fault.KindOf(err) != fault.Input {
					t.Fatalf("%v is of kind %v", err, fault.KindOf(err))
				}
				return
			}
			for _, base := range bases {
				out, err := Apply(base, []Scaled{{a, 0.5}}, Options{})
				if err != nil {
					continue
				}
				for _, x := range out.Tensors {
					_ = x.ReadAt(make([]byte, x.SizeBytes()), 0)
				}
			}
		})
	})
}

// FuzzOpen opens and applies arbitrary adapters: none may panic, and what is wrong with one is an error about the input.
func FuzzOpen(f *testing.F) { fuzzApplied(f, func(_ *testing.T, _ int, apply func()) { apply() }) }

// FuzzMemory bounds what adapters take by their size and that of the networks, of which each tensor is a few kilobytes.
func FuzzMemory(f *testing.F) {
	fuzzApplied(f, func(t *testing.T, size int, apply func()) {
		memorytest.Check(t, size, 16<<20+1024*int64(size), apply)
	})
}
