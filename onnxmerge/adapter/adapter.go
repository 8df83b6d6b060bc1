package adapter

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// The formats.
const (
	PEFT  = "PEFT"
	Kohya = "kohya"
)

// Adapter is what an adapter changes, by layer. It is read-only and safe for concurrent use; the checkpoint that it was read
// from must stay open.
type Adapter struct {
	Format string // PEFT or Kohya
	Layers []*Layer

	fanInFanOut bool
}

// Layer is what an adapter changes in one tensor of the network.
type Layer struct {
	// Name is that of the tensor as the network that was trained has it: "encoder.query.weight". Kohya's names have "_" for
	// dots and no ending: "encoder_query".
	Name string
	Part string  // which network of several kohya's name is of: "lora_unet"; "" for PEFT
	Rank int64   // 0 for a tensor that is replaced as a whole
	S    float64 // the factor of B A

	a, b      *checkpoint.Tensor // nil without low-rank factors
	embedding bool               // the factors are those of an embedding
	magnitude *checkpoint.Tensor // of DoRA, or nil
	saved     *checkpoint.Tensor // takes the place of the network's tensor, or nil
}

// Open reads an adapter from its tensors. config is the text of adapter_config.json, nil for a file with kohya's names. Errors
// are of the kind Input, or come from reading c.
func Open(c *checkpoint.Checkpoint, config []byte) (*Adapter, error) {
	for _, t := range c.Tensors {
		if method := otherMethod(t.Key); method != "" {
			return nil, fault.Inputf("tensor %q is one of %s, which is not supported", t.Key, method).
				WithHint("merge it with the tool that trained it, and use the result as a checkpoint")
		}
	}
	var a *Adapter
	var err error
	if IsKohya(c) {
		a, err = openKohya(c)
	} else {
		a, err = openPEFT(c, config)
	}
	if err != nil {
		return nil, err
	}
	if len(a.Layers) == 0 {
		return nil, fault.Inputf("the adapter has no tensors")
	}
	slices.SortFunc(a.Layers, func(x, y *Layer) int { return cmp.Or(cmp.Compare(x.Part, y.Part), cmp.Compare(x.Name, y.Name)) })
	for _, l := range a.Layers {
		if err := l.check(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// marks are parts of names by which tensors of other methods are known.
var marks = []struct{ mark, method string }{
	{".hada_", "LoHa"}, {".lokr_", "LoKr"}, {".lora_mid.", "LoCon with a Tucker decomposition"}, {".dora_scale", "LyCORIS' DoRA"},
	{".lora_E", "AdaLoRA"}, {".ia3_", "(IA)3"}, {".on_input", "(IA)3"}, {".vera_", "VeRA"}, {"vblora_", "VB-LoRA"},
	{".oft_", "OFT"}, {".boft_", "BOFT"}, {".bone_", "Bone"}, {".fourierft_", "FourierFT"}, {".hra_", "HRA"},
	{".diff", "full differences of LyCORIS"}, {".w_norm", "norms of LyCORIS"}, {".b_norm", "norms of LyCORIS"},
	{"prompt_embeddings", "prompt tuning"}, {".lora_linear_layer.", "an older format of diffusers"},
	{".lora_A.bias", "biases of LoRA's layers"}, {".lora_B.bias", "biases of LoRA's layers"}, {".lora_up.bias", "biases of LoRA's layers"},
	{".lora_down.bias", "biases of LoRA's layers"}, {".trainable_tokens_", "trained rows of an embedding"},
}

// otherMethod returns the method that a tensor is of, "" if it may be LoRA's.
func otherMethod(key string) string {
	for _, m := range marks {
		if strings.Contains(key, m.mark) {
			return m.method
		}
	}
	return ""
}

// check compares the shapes and types of a layer's tensors.
func (l *Layer) check() error {
	for _, t := range []*checkpoint.Tensor{l.a, l.b, l.magnitude, l.saved} {
		if t == nil {
			continue
		}
		switch t.DType {
		case onnx.Float64, onnx.Float32, onnx.Float16, onnx.BFloat16:
		default:
			return fault.Inputf("tensor %q has the type %s; F64, F32, F16 and BF16 are supported", t.Key, t.Type)
		}
	}
	if l.a == nil && l.b == nil && l.saved != nil && l.magnitude == nil {
		return nil
	}
	if l.a == nil || l.b == nil {
		return fault.Inputf("layer %q has one of the two factors of LoRA and not the other", l.Name)
	}
	rank := l.a.Dims
	if len(l.a.Dims) < 2 || len(l.b.Dims) < 2 || l.b.Dims[1] != rank[0] || length(l.b.Dims[2:]) != 1 || l.a.Len() == 0 ||
		l.b.Len() == 0 {
		return fault.Inputf("layer %q: factors of the shapes %v and %v; [r, in, ...] and [out, r, 1, ...] are expected", l.Name,
			l.a.Dims, l.b.Dims)
	}
	if l.embedding && (len(l.a.Dims) != 2 || len(l.b.Dims) != 2) {
		return fault.Inputf("layer %q: factors of an embedding have the shapes %v and %v; two axes are expected", l.Name, l.a.Dims,
			l.b.Dims)
	}
	if l.Rank != 0 && l.Rank != rank[0] {
		return fault.Inputf("layer %q: its factors have rank %d, and adapter_config.json says %d", l.Name, rank[0], l.Rank)
	}
	l.Rank = rank[0]
	if m := l.magnitude; m != nil && m.Len() != l.b.Dims[0] {
		return fault.Inputf("layer %q: its magnitude has %d elements for %d outputs", l.Name, m.Len(), l.b.Dims[0])
	}
	return nil
}

// length returns the number of elements.
func length(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}
