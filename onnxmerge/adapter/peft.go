package adapter

import (
	"bytes"
	"errors"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
)

// peftPrefix is in front of the names of the network.
const peftPrefix = "base_model.model."

// peftParts are the endings of LoRA's tensors in PEFT's files.
var peftParts = []string{".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B",
	".lora_magnitude_vector.weight", ".lora_magnitude_vector"}

// embeddingLayers are layers that PEFT stores as a whole if they are adapted, or were resized.
var embeddingLayers = []string{"embed_tokens.", "lm_head.", "word_embeddings.", "wte."}

// openPEFT reads an adapter of PEFT.
func openPEFT(c *checkpoint.Checkpoint, text []byte) (*Adapter, error) {
	if text == nil {
		return nil, fault.Inputf("an adapter without adapter_config.json, which has the factor of its layers").
			WithHint("name the folder that has both")
	}
	conf, err := parseConfig(text)
	if err != nil {
		return nil, err
	}
	a := &Adapter{Format: PEFT, fanInFanOut: conf.fanInFanOut}
	byName := map[string]*Layer{}
	layer := func(name string) *Layer {
		if byName[name] == nil {
			byName[name] = &Layer{Name: name}
			a.Layers = append(a.Layers, byName[name])
		}
		return byName[name]
	}
	for _, t := range c.Tensors {
		name, ok := strings.CutPrefix(t.Key, peftPrefix)
		if !ok {
			return nil, fault.Inputf("tensor %q: names of PEFT's adapters begin with %q", t.Key, peftPrefix)
		}
		module, part := cutPart(name)
		if part == "" {
			if strings.Contains(name, ".original_module.") {
				continue // the network's own, beside a module that is saved: bias=all stores its biases
			}
			if name, err = conf.whole(name); err != nil {
				return nil, err
			}
			if err := setSaved(&layer(name).saved, t); err != nil {
				return nil, err
			}
			continue
		}
		l := layer(module + ".weight")
		if err := l.setPart(part, t); err != nil {
			return nil, err
		}
	}
	for _, l := range a.Layers {
		if l.a == nil && l.b == nil && l.magnitude == nil {
			continue
		}
		rank, s := conf.scaling(strings.TrimSuffix(l.Name, ".weight"))
		l.Rank, l.S = int64(rank), s
		if conf.dora != (l.magnitude != nil) {
			return nil, fault.Inputf("layer %q: use_dora is %v in adapter_config.json, and whether the layer has a magnitude is %v",
				l.Name, conf.dora, l.magnitude != nil)
		}
	}
	return a, nil
}

// cutPart separates the name of a layer from what a tensor is in it, "" if it is none of LoRA's.
func cutPart(name string) (module, part string) {
	for _, part := range peftParts {
		if module, ok := strings.CutSuffix(name, part); ok {
			return module, part
		}
	}
	return name, ""
}

// setPart stores one of a layer's tensors.
func (l *Layer) setPart(part string, t *checkpoint.Tensor) error {
	switch {
	case strings.HasPrefix(part, ".lora_magnitude"):
		return setOnce(&l.magnitude, t)
	case strings.HasPrefix(part, ".lora_embedding"):
		l.embedding = true
	}
	if strings.Contains(part, "_A") {
		return setOnce(&l.a, t)
	}
	return setOnce(&l.b, t)
}

func setOnce(dst **checkpoint.Tensor, t *checkpoint.Tensor) error {
	if *dst != nil {
		return fault.Inputf("tensors %q and %q are the same part of a layer", (*dst).Key, t.Key)
	}
	*dst = t
	return nil
}

// setSaved stores a tensor that replaces one of the network. With bias=all PEFT stores biases of saved modules twice.
func setSaved(dst **checkpoint.Tensor, t *checkpoint.Tensor) error {
	if *dst == nil {
		*dst = t
		return nil
	}
	a, b := make([]byte, (*dst).SizeBytes()), make([]byte, t.SizeBytes())
	if err := errors.Join((*dst).ReadAt(a, 0), t.ReadAt(b, 0)); err != nil {
		return err
	}
	if t.DType != (*dst).DType || !bytes.Equal(a, b) {
		return fault.Inputf("tensors %q and %q are the same part of the network, and differ", (*dst).Key, t.Key)
	}
	return nil
}

// whole returns the name in the network of a tensor that is stored as a whole, and refuses one that the configuration does not
// explain.
func (c *config) whole(name string) (string, error) {
	plain := strings.ReplaceAll(strings.ReplaceAll(name, ".modules_to_save.", "."), ".base_layer.", ".")
	isBias := strings.HasSuffix(plain, ".bias") && c.bias != "none"
	isEmbedding := false
	for _, layer := range embeddingLayers {
		isEmbedding = isEmbedding || strings.Contains(plain, layer)
	}
	if isBias || isEmbedding || c.saves(plain) {
		return plain, nil
	}
	return "", fault.Inputf("tensor %q is none of LoRA's, and belongs to nothing that adapter_config.json names (bias, modules_to_save)",
		peftPrefix+name)
}
