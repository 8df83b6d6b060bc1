package adapter

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// kohyaParts are the networks of a pipeline, as kohya's names begin.
var kohyaParts = []string{"lora_unet", "lora_te", "lora_te1", "lora_te2", "lora_te3", "lora_transformer", "lora_prior_unet",
	"lora_prior_te", "lycoris"}

// IsKohya reports whether a checkpoint has the names of kohya's scripts.
func IsKohya(c *checkpoint.Checkpoint) bool {
	return slices.ContainsFunc(c.Tensors, func(t *checkpoint.Tensor) bool {
		return strings.HasSuffix(t.Key, ".lora_down.weight") || strings.HasSuffix(t.Key, ".lora_up.weight")
	})
}

// openKohya reads a file with kohya's names.
func openKohya(c *checkpoint.Checkpoint) (*Adapter, error) {
	a := &Adapter{Format: Kohya}
	layers := map[string]*Layer{}
	alphas := map[*Layer]float64{}
	for _, t := range c.Tensors {
		module, what, _ := strings.Cut(t.Key, ".")
		l := layers[module]
		if l == nil {
			part, name, err := kohyaName(module)
			if err != nil {
				return nil, err
			}
			l = &Layer{Name: name, Part: part}
			layers[module] = l
			a.Layers = append(a.Layers, l)
		}
		switch what {
		case "lora_down.weight":
			l.a = t
		case "lora_up.weight":
			l.b = t
		case "alpha":
			v, err := number(t)
			if err != nil {
				return nil, err
			}
			alphas[l] = v
		default:
			return nil, fault.Inputf("tensor %q is not known; layers have lora_down.weight, lora_up.weight and alpha", t.Key)
		}
	}
	for _, l := range a.Layers {
		if l.a == nil || l.b == nil || len(l.a.Dims) == 0 {
			return nil, fault.Inputf("layer %q does not have both of lora_down.weight and lora_up.weight", l.Part+"_"+l.Name)
		}
		l.S = 1
		if alpha, ok := alphas[l]; ok {
			l.S = alpha / float64(l.a.Dims[0])
		}
	}
	return a, nil
}

// kohyaName separates the network from the layer.
func kohyaName(module string) (part, name string, err error) {
	for _, p := range kohyaParts {
		if rest, ok := strings.CutPrefix(module, p+"_"); ok && len(p) > len(part) {
			part, name = p, rest
		}
	}
	if part == "" {
		return "", "", fault.Inputf("layer %q begins with none of %s", module, strings.Join(kohyaParts, ", "))
	}
	return part, name, nil
}

// number returns the value of a tensor of one number. Some scripts store it as an integer.
func number(t *checkpoint.Tensor) (float64, error) {
	codec, isFloat := t.DType.Codec()
	isInteger := t.DType == onnx.Int64 || t.DType == onnx.Int32
	if !isFloat && !isInteger || t.Len() != 1 || t.DType.Bits() < 8 {
		return 0, fault.Inputf("tensor %q has the type %s and the shape %v; one number is expected", t.Key, t.Type, t.Dims)
	}
	raw, v := make([]byte, 8), []float64{0}
	if err := t.ReadAt(raw[:t.SizeBytes()], 0); err != nil {
		return 0, err
	}
	switch t.DType {
	case onnx.Int64:
		v[0] = float64(int64(binary.LittleEndian.Uint64(raw)))
	case onnx.Int32:
		v[0] = float64(int32(binary.LittleEndian.Uint32(raw)))
	default:
		codec.Decode(v, raw)
	}
	if math.IsNaN(v[0]) || math.IsInf(v[0], 0) || v[0] == 0 {
		return 0, fault.Inputf("tensor %q is %v; a number other than 0 is expected, of which tools do not agree", t.Key, v[0])
	}
	return v[0], nil
}
