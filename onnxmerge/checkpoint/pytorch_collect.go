package checkpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/internal/pickle"
)

// modelKeys are the keys under which checkpoints have the weights, the most specific first: a training's checkpoint may
// have averaged weights and those of an optimiser beside them.
var modelKeys = []string{"state_dict", "model_state_dict", "model_state", "base_model", "model", "net", "network", "module",
	"params", "weights"}

// notModel are keys whose tensors are never the model's.
var notModel = map[string]bool{"optimizer": true, "optimizers": true, "optimizer_state_dict": true, "optimizer_states": true,
	"optim": true, "scheduler": true, "lr_scheduler": true, "lr_schedulers": true, "scheduler_state_dict": true, "scaler": true,
	"amp": true, "grad_scaler": true, "rng_state": true, "rng_states": true, "callbacks": true, "loops": true}

// maxDepth bounds the nesting of containers.
const maxDepth = 32

// collect finds the dictionary of the weights in the object of a checkpoint.
func collect(root any) (*Checkpoint, error) {
	var within, skipped []string
	at := root
	for depth := 0; ; depth++ {
		d, ok := at.(*pickle.Dict)
		if !ok {
			return nil, malformedf("the checkpoint is %s; a dictionary of tensors is needed", describe(at)).
				WithHint("%s", convertModule)
		}
		key, others := search{map[any]bool{}}.innerModel(d)
		skipped = append(skipped, others...)
		if key == "" || depth > maxDepth {
			break
		}
		within, at = append(within, key), d.Items[key]
	}
	f := flattener{search: search{map[any]bool{}}}
	if err := f.add("", at, 0); err != nil {
		return nil, err
	}
	if len(f.tensors) == 0 {
		return nil, malformedf("the checkpoint has no tensors in its dictionaries")
	}
	c, err := newCheckpoint(PyTorch, f.tensors)
	if err != nil {
		return nil, err
	}
	slices.Sort(skipped)
	c.Within, c.Skipped = within, skipped
	c.unwrap()
	return c, nil
}

// innerModel returns the key of the dictionary in d that has the model's weights, "" if these are in d itself, and the
// keys of what has tensors beside it.
func (s search) innerModel(d *pickle.Dict) (string, []string) {
	var holders, skipped []string
	for _, key := range sortedKeys(d.Items) {
		switch v := d.Items[key].(type) {
		case *view:
			return "", nil
		case *pickle.Dict:
			if notModel[key] { // an optimiser's tensors have numbers as keys
				skipped = append(skipped, key)
			} else if s.hasTensors(v, 0) {
				holders = append(holders, key)
			}
		}
	}
	chosen := ""
	for _, key := range modelKeys {
		if slices.Contains(holders, key) {
			chosen = key
			break
		}
	}
	if chosen == "" && len(holders) == 1 && !isModule(d.Items[holders[0]]) {
		chosen = holders[0]
	}
	if chosen == "" {
		return "", skipped
	}
	for _, key := range holders {
		if key != chosen {
			skipped = append(skipped, key)
		}
	}
	return chosen, skipped
}

// isModule reports whether v is a dictionary whose keys are those of one layer, which its own key belongs to.
func isModule(v any) bool {
	d, ok := v.(*pickle.Dict)
	if !ok {
		return false
	}
	_, weight := d.Items["weight"]
	return weight
}

// maxTensors and maxNames bound the tensors of a checkpoint and the bytes of their names: containers that occur in
// several places are listed at each.
const (
	maxTensors = 1 << 20
	maxNames   = 64 << 20
)

// search finds which containers have tensors. Each is looked at once, however often it occurs.
type search struct{ known map[any]bool }

// identity returns what is equal for two containers that are the same one; nil for an empty tuple.
func identity(v any) any {
	if t, ok := v.(pickle.Tuple); ok {
		if len(t) == 0 {
			return nil
		}
		return &t[0]
	}
	return v
}

// itemsIn returns the items of a container.
func itemsIn(v any) []any {
	switch v := v.(type) {
	case *pickle.Dict:
		items := make([]any, 0, len(v.Items))
		for _, key := range sortedKeys(v.Items) {
			items = append(items, v.Items[key])
		}
		return items
	case *pickle.List:
		return v.Items
	case pickle.Tuple:
		return v
	}
	return nil
}

func (s search) hasTensors(v any, depth int) bool {
	if _, ok := v.(*view); ok {
		return true
	}
	items := itemsIn(v)
	if len(items) == 0 || depth > maxDepth {
		return false
	}
	id := identity(v)
	if found, ok := s.known[id]; ok {
		return found
	}
	s.known[id] = false // of a container in itself
	for _, item := range items {
		if s.hasTensors(item, depth+1) {
			s.known[id] = true
			break
		}
	}
	return s.known[id]
}

// flattener collects tensors from nested containers, whose keys are joined by dots.
type flattener struct {
	search
	tensors []*Tensor
	names   int // bytes
}

func (f *flattener) add(name string, v any, depth int) error {
	if depth > maxDepth {
		return malformedf("its containers are nested deeper than %d", maxDepth)
	}
	if !f.hasTensors(v, depth) {
		return nil
	}
	switch v := v.(type) {
	case *view:
		t := &Tensor{Name: name, Type: v.kind.name, DType: v.kind.dtype, Dims: v.dims, bits: 8 * v.kind.size, read: v.readAt}
		if v.isStored() {
			t.setPlace(v.storage.r, v.off*v.kind.size)
		}
		f.tensors = append(f.tensors, t)
		if f.names += len(name); f.names > maxNames || len(f.tensors) > maxTensors {
			return malformedf("the checkpoint has more than %d tensors, or names of more than %d bytes", maxTensors, maxNames)
		}
	case *pickle.Dict:
		for _, key := range sortedKeys(v.Items) {
			if name == "" && notModel[key] {
				continue
			}
			if err := f.add(join(name, key), v.Items[key], depth+1); err != nil {
				return err
			}
		}
	default:
		for i, item := range itemsIn(v) {
			if err := f.add(join(name, strconv.Itoa(i)), item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func join(outer, key string) string {
	if outer == "" {
		return key
	}
	return outer + "." + key
}

// describe says what an object is.
func describe(v any) string {
	switch v := v.(type) {
	case *view:
		return "a single tensor"
	case *pickle.List, pickle.Tuple:
		return "a list"
	case pickle.Global:
		return "the class " + string(v)
	case opaque:
		return "an object of a class"
	}
	return strings.ToLower(fmt.Sprintf("a value of type %T", v))
}
