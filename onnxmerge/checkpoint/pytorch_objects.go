package checkpoint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/pickle"
)

// opaque is an object of an inert class, whose contents are not read.
type opaque struct{}

// SetState ignores the state.
func (opaque) SetState(any) error { return nil }

// SetState ignores attributes that were set on a tensor.
func (*view) SetState(any) error { return nil }

// inert are classes and functions that only hold or make data and that checkpoints have beside the weights, such as the
// options of the training. Their contents are not read.
var inert = map[string]bool{
	"argparse.Namespace": true, "pathlib.PosixPath": true, "pathlib.WindowsPath": true, "pathlib.PurePosixPath": true,
	"pathlib.Path": true, "datetime.datetime": true, "datetime.timedelta": true, "datetime.date": true,
	"builtins.set": true, "builtins.frozenset": true, "builtins.complex": true, "builtins.bytearray": true, "builtins.slice": true,
	"__builtin__.set": true, "__builtin__.complex": true, "__builtin__.bytearray": true, "_codecs.encode": true,
	"types.SimpleNamespace":        true,
	"numpy.core.multiarray.scalar": true, "numpy.core.multiarray._reconstruct": true, "numpy.dtype": true,
	"numpy.ndarray": true, "torch.device": true, "torch.Generator": true,
}

// call interprets a call of the pickle.
func (a *archive) call(function pickle.Global, args pickle.Tuple) (any, error) {
	name := strings.Replace(string(function), "numpy._core", "numpy.core", 1)
	switch name {
	case "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict", "easydict.EasyDict":
		return newDict(args)
	case "collections.deque":
		return &pickle.List{}, nil
	case "torch.Size", "builtins.list", "builtins.tuple":
		if len(args) == 1 {
			return args[0], nil
		}
	case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
		return rebuildTensor(args)
	case "torch._utils._rebuild_tensor_v3":
		return rebuildTyped(args)
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		if len(args) > 0 {
			if _, ok := args[0].(*view); ok {
				return args[0], nil
			}
		}
		return nil, errors.New("has a parameter that is no tensor")
	case "torch._tensor._rebuild_from_type_v2":
		return a.rebuildSubclass(args)
	}
	if strings.HasPrefix(name, "torch._utils._rebuild_") || name == "torch.serialization._get_layout" {
		return nil, malformedf("has a tensor made by %s; quantised, sparse, meta and nested tensors are not supported", name).
			WithHint("%s", makeDense)
	}
	if inert[name] {
		return opaque{}, nil
	}
	return nil, refusedCall(name)
}

// newDict returns a dictionary with the pairs of its argument, if there is one.
func newDict(args pickle.Tuple) (any, error) {
	d := &pickle.Dict{Items: map[string]any{}}
	if len(args) == 0 {
		return d, nil
	}
	switch from := args[0].(type) {
	case *pickle.Dict:
		for k, v := range from.Items {
			d.Items[k] = v
		}
	case *pickle.List:
		for _, item := range from.Items {
			pair, err := itemsOf(item, 2)
			if err != nil {
				return nil, err
			}
			if key, ok := pair[0].(string); ok {
				d.Items[key] = pair[1]
			}
		}
	}
	return d, nil
}

// itemsOf returns the n items of a tuple or list.
func itemsOf(v any, n int) ([]any, error) {
	var items []any
	switch v := v.(type) {
	case pickle.Tuple:
		items = v
	case *pickle.List:
		items = v.Items
	}
	if len(items) != n {
		return nil, fmt.Errorf("has a dictionary made of items that are no pairs")
	}
	return items, nil
}

// refusedCall is the error about a function that is not run.
func refusedCall(name string) error {
	e := malformedf("calls %q: a checkpoint of tensors needs no code, and none is run", name)
	return e.WithHint("%s", convertModule)
}

// rebuildTensor reads (storage, offset, size, stride, …).
func rebuildTensor(args pickle.Tuple) (any, error) {
	if len(args) < 4 {
		return nil, errors.New("has a tensor without storage, offset, size and stride")
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, errors.New("has a tensor without a storage")
	}
	return newView(s, s.kind, args[1], args[2], args[3])
}

// rebuildTyped reads (storage of bytes, offset, size, stride, requires_grad, hooks, dtype, …).
func rebuildTyped(args pickle.Tuple) (any, error) {
	if len(args) < 7 {
		return nil, errors.New("has a tensor without storage, offset, size, stride and dtype")
	}
	s, ok1 := args[0].(*storage)
	class, ok2 := args[6].(pickle.Global)
	kind, ok3 := scalarTypes[strings.TrimPrefix(string(class), "torch.")]
	if !ok1 || !ok2 || !ok3 {
		return nil, fmt.Errorf("has a tensor of dtype %v, which is not supported", args[6])
	}
	return newView(s, kind, args[1], args[2], args[3])
}

// rebuildSubclass reads (function, class, arguments, state): the class is ignored.
func (a *archive) rebuildSubclass(args pickle.Tuple) (any, error) {
	if len(args) < 3 {
		return nil, errors.New("has a tensor of a subclass without function, class and arguments")
	}
	function, ok1 := args[0].(pickle.Global)
	list, ok2 := args[2].(pickle.Tuple)
	if !ok1 || !ok2 || function == "torch._tensor._rebuild_from_type_v2" {
		return nil, errors.New("has a tensor of a subclass without function, class and arguments")
	}
	return a.call(function, list)
}

// asMalformed adds what was read to an error, and makes it one about the input.
func asMalformed(what string, err error) error {
	e := malformedf("%s: %w", what, err)
	if hint := fault.HintOf(err); hint != "" {
		return e.WithHint("%s", hint)
	}
	return e
}
