package adapter

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/text"
)

// MaxConfig is the largest adapter_config.json in bytes.
const MaxConfig = 16 << 20

// config is what an adapter_config.json says about the weights.
type config struct {
	rank, alpha   float64
	rslora, dora  bool
	fanInFanOut   bool
	bias          string // "none", "all" or "lora_only"
	save          []string
	ranks, alphas []pattern
}

// pattern is an entry of rank_pattern or alpha_pattern.
type pattern struct {
	expr  *regexp.Regexp
	value float64
}

// passed are keys that do not change how weights are merged.
var passed = []string{
	"alpha_pattern", "arrow_config", "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "ensure_weight_tying",
	"eva_config", "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform",
	"loftq_config", "lora_alpha", "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version", "r", "rank_pattern",
	"revision", "runtime_config", "target_modules", "task_type", "use_dora", "use_rslora",
}

// unsupported are keys that are refused if they are set, with what they mean.
var unsupported = map[string]string{
	"lora_bias":               "biases of LoRA's layers are merged differently by versions of PEFT",
	"layer_replication":       "layers of the network are repeated",
	"megatron_config":         "layers are those of Megatron",
	"trainable_token_indices": "rows of an embedding are trained",
	"target_parameters":       "parameters are adapted that are not those of a layer",
	"alora_invocation_tokens": "an activated LoRA depends on the tokens and cannot be merged",
	"use_qalora":              "QALoRA groups the inputs",
	"use_bdlora":              "factors are block-diagonal",
}

// member is a key of a JSON object and its value.
type member struct {
	key   string
	value json.RawMessage
}

// members returns the keys of a JSON object in their order. A key may not occur twice.
func members(data []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		if err != nil {
			return nil, text.JSONError(err)
		}
		return nil, fault.Inputf("not a JSON object")
	}
	var list []member
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		var m member
		if err == nil {
			m.key, _ = key.(string) // keys of an object are texts
			err = d.Decode(&m.value)
		}
		if err != nil {
			return nil, text.JSONError(err)
		}
		if seen[m.key] {
			return nil, fault.Inputf("%q occurs twice", m.key)
		}
		seen[m.key] = true
		list = append(list, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, text.JSONError(err)
	}
	if rest := bytes.Trim(data[d.InputOffset():], text.JSONSpace); len(rest) > 0 {
		return nil, fault.Inputf("the JSON object is followed by %d more bytes", len(rest))
	}
	return list, nil
}

// parseConfig reads an adapter_config.json.
func parseConfig(data []byte) (*config, error) {
	if len(data) > MaxConfig {
		return nil, configError("has %d bytes; at most %d are allowed", len(data), MaxConfig)
	}
	list, err := members(data)
	if err != nil {
		return nil, configError("%w", err)
	}
	byKey := map[string]json.RawMessage{}
	for _, m := range list {
		byKey[m.key] = m.value
	}
	if err := checkType(byKey["peft_type"]); err != nil {
		return nil, err
	}
	for _, m := range list {
		if err := checkKey(m); err != nil {
			return nil, err
		}
	}
	c := &config{rank: math.NaN(), alpha: math.NaN(), bias: "none"}
	for key, dst := range map[string]any{"r": &c.rank, "lora_alpha": &c.alpha, "use_rslora": &c.rslora, "use_dora": &c.dora,
		"fan_in_fan_out": &c.fanInFanOut, "bias": &c.bias, "modules_to_save": &c.save} {
		if value := byKey[key]; value != nil && json.Unmarshal(value, dst) != nil {
			return nil, configError("%s is %s, which is not of its type", key, value)
		}
	}
	if !(c.rank >= 1) || c.rank != math.Trunc(c.rank) || math.IsNaN(c.alpha) {
		return nil, configError("r must be a positive integer and lora_alpha a number; they are %s and %s", shown(byKey["r"]),
			shown(byKey["lora_alpha"]))
	}
	if !slices.Contains([]string{"none", "all", "lora_only"}, c.bias) {
		return nil, configError("bias is %q, which is none of none, all and lora_only", c.bias)
	}
	if c.ranks, err = patterns("rank_pattern", byKey["rank_pattern"]); err != nil {
		return nil, err
	}
	c.alphas, err = patterns("alpha_pattern", byKey["alpha_pattern"])
	return c, err
}

func configError(format string, args ...any) *fault.Error {
	return fault.Inputf("adapter_config.json: "+format, args...)
}

func shown(value json.RawMessage) string {
	if value == nil {
		return "missing"
	}
	return string(value)
}

// checkType refuses adapters of other methods.
func checkType(value json.RawMessage) error {
	var name string
	if value == nil || json.Unmarshal(value, &name) != nil {
		return configError("peft_type is %s", shown(value))
	}
	if name != "LORA" {
		return configError("peft_type is %s; only LORA is supported", name).
			WithHint("merge it with PEFT and export the result, or merge the result's weights: wiseft weights apply")
	}
	return nil
}

// checkKey refuses a key whose value changes the weights in a way that is not supported, or that may do so.
func checkKey(m member) error {
	isSet := !slices.Contains([]string{"null", "false", "{}", "[]", `""`}, string(m.value))
	if meaning := unsupported[m.key]; meaning != "" && isSet {
		return configError("%s is not supported: %s", m.key, meaning).WithHint(
			"merge it with PEFT (merge_and_unload) and use the result as a checkpoint")
	}
	if m.key == "init_lora_weights" {
		return checkInit(m.value)
	}
	isSwitch := m.value[0] == '{' || m.value[0] == '[' || m.value[0] == 't'
	if isSet && isSwitch && !slices.Contains(passed, m.key) {
		return configError("%q is not known, and may change how the weights are merged", m.key).WithHint(
			"merge it with PEFT (merge_and_unload) and use the result as a checkpoint")
	}
	return nil
}

// checkInit refuses initialisations that change the weights of the network, so that the adapter belongs to others than the
// checkpoint has.
func checkInit(value json.RawMessage) error {
	var name string
	if json.Unmarshal(value, &name) != nil {
		return nil // true or false
	}
	if slices.Contains([]string{"", "gaussian", "eva", "orthogonal"}, strings.ToLower(name)) {
		return nil
	}
	return configError("init_lora_weights is %q, which may change the weights of the network before the training", name).WithHint(
		"save the adapter as a plain LoRA: save_pretrained(..., path_initial_model_for_weight_conversion=...)")
}

// patterns reads a rank_pattern or an alpha_pattern: regular expressions of the ends of layers' names, in their order.
func patterns(key string, value json.RawMessage) ([]pattern, error) {
	if value == nil || string(value) == "null" {
		return nil, nil
	}
	list, err := members(value)
	if err != nil {
		return nil, configError("%s: %w", key, err)
	}
	var found []pattern
	for _, m := range list {
		expr, err := regexp.Compile(`\A(?:.*\.)?(?:` + m.key + `)\z`)
		if err != nil {
			return nil, configError("%s: %q is no regular expression that is supported: %w", key, m.key, err)
		}
		var v float64
		if json.Unmarshal(m.value, &v) != nil || string(m.value) == "null" {
			return nil, configError("%s: %q has the value %s, where a number is expected", key, m.key, m.value)
		}
		found = append(found, pattern{expr, v})
	}
	return found, nil
}

// lookup returns the value of the first pattern that matches a layer, or else the default, as PEFT 0.15 and later do.
func lookup(list []pattern, layer string, missing float64) float64 {
	for _, p := range list {
		if p.expr.MatchString(layer) {
			return p.value
		}
	}
	return missing
}

// scaling returns the rank and the factor of a layer.
func (c *config) scaling(layer string) (rank, scale float64) {
	rank = lookup(c.ranks, layer, c.rank)
	alpha := lookup(c.alphas, layer, c.alpha)
	if c.rslora {
		return rank, alpha / math.Sqrt(rank)
	}
	return rank, alpha / rank
}

// saves reports whether a tensor belongs to a module of modules_to_save.
func (c *config) saves(name string) bool {
	return slices.ContainsFunc(c.save, func(module string) bool {
		return strings.HasPrefix(name, module+".") || strings.Contains(name, "."+module+".")
	})
}
