"""Identifies each tensor of an exported model by its values alone.

No two elements of a state dict are equal (nets.fill), so every element of a tensor
identifies its parameter and its index there. What BatchNorm was folded
into is not in the state dict; it is computed and compared within a tolerance.
"""

import itertools

import numpy as np
from torch import nn

RTOL, ATOL = 1e-5, 1e-6  # of folded values: exporters fold in float32, each in its own order of operations


class Truth:
    def __init__(self, module):
        self.values = {}  # by name: array; of tied parameters the first name
        self.tied = {}
        self.counters = {}  # num_batches_tracked, by value
        first = {}
        for name, t in module.state_dict(keep_vars=True).items():
            if first.setdefault(t.data_ptr(), name) != name:
                self.tied.setdefault(first[t.data_ptr()], []).append(name)
            elif name.endswith("num_batches_tracked"):
                self.counters[int(t)] = name
            elif t.is_floating_point():
                self.values[name] = t.detach().numpy()
        self.origin = {v: (name, i) for name, a in self.values.items() for i, v in enumerate(a.ravel().tolist())}
        assert len(self.origin) == sum(a.size for a in self.values.values())
        self.folded = list(foldings(module))
        self.computed = [(how, v.detach().numpy()) for how, v in getattr(module, "computed", list)()]

    def explain(self, t):
        """The manifest's description of tensor t."""
        if t.dtype == object or t.dtype.kind in "iub":
            if t.size == 1 and int(t.reshape(-1)[0]) in self.counters:
                return {"param": self.counters[int(t.reshape(-1)[0])]}
            return {"constant": "bool" if t.dtype == bool else "integer"}
        if t.size == 0:
            return {"constant": "empty"}
        at = [self.origin.get(v) for v in t.ravel().tolist()]
        if all(at):
            return self.from_state(t, at)
        assert not any(at) or t.size == sum(x is None for x in at) + 1, "a mixture of parameters and other values"
        if t.size == 1:
            return {"constant": "scalar"}
        for name, bn, value in self.folded:
            if (found := same(t, value)) is not None:
                return {"param": name, **found, "folded": [bn]}
        for how, value in self.computed:
            times, rest = divmod(len(t), len(value))
            if rest or t.shape[1:] != value.shape[1:]:
                continue
            if np.allclose(t, np.concatenate([value] * times), RTOL, ATOL):
                return {"computed": how, **({} if times == 1 else {"repeated": times})}
        return known_constant(t)

    def from_state(self, t, at):
        owners = np.array([name for name, _ in at]).reshape(t.shape)
        flat = np.array([i for _, i in at]).reshape(t.shape)
        names = list(dict.fromkeys(owners.ravel()))
        if len(names) == 1:
            found = {"param": names[0], **layout(flat, self.values[names[0]].shape)}
            return found | ({"tied": self.tied[names[0]]} if names[0] in self.tied else {})
        for axis in range(t.ndim):
            rows = [frozenset(r) for r in np.moveaxis(owners, axis, 0).reshape(t.shape[axis], -1).tolist()]
            groups = [list(g) for _, g in itertools.groupby(range(len(rows)), rows.__getitem__)]
            if len(groups) > 1 and sum(map(len, set(rows))) == len(names):
                cells = np.array(at + [None], object)[:-1].reshape(t.shape)
                parts = [self.from_state(t.take(g, axis), cells.take(g, axis).ravel().tolist()) for g in groups]
                for p in parts:
                    p.pop("reshaped", None)  # one axis is the joint's own
                return {"joined": axis, "parts": parts}
        return {"unknown": "elements of " + ", ".join(names)}


def foldings(module):
    """Every layer with every BatchNorm that fits it: (name, BatchNorm, folded value). A bias
    that the layer lacks goes by the name of the BatchNorm's."""
    layers = dict(module.named_modules())
    linear = (nn.Linear, nn.modules.conv._ConvNd)
    for bn_name, bn in layers.items():
        if not isinstance(bn, nn.modules.batchnorm._BatchNorm):
            continue
        array = {k: v.detach().double().numpy() for k, v in bn.state_dict().items()}
        scale = array["weight"] / np.sqrt(array["running_var"] + bn.eps)
        yield f"{bn_name}.bias", bn_name, array["bias"] - array["running_mean"] * scale
        for name, layer in layers.items():
            if not isinstance(layer, linear):
                continue
            w = layer.weight.detach().double().numpy()
            out = 1 if isinstance(layer, nn.modules.conv._ConvTransposeNd) else 0
            if w.shape[out] != len(scale):
                continue
            yield f"{name}.weight", bn_name, w * scale.reshape([-1 if i == out else 1 for i in range(w.ndim)])
            if layer.bias is not None:
                b = layer.bias.detach().double().numpy()
                yield f"{name}.bias", bn_name, (b - array["running_mean"]) * scale + array["bias"]


def same(t, value):
    """The layout of t if it holds value, else None."""
    if t.size != value.size or not np.allclose(np.sort(t.ravel()), np.sort(value.ravel()), RTOL, ATOL):
        return None
    for perm in permutations(value.ndim):
        moved = value.transpose(perm)
        if np.allclose(t.ravel(), moved.ravel(), RTOL, ATOL):
            return axes(perm) | ({} if t.shape == moved.shape else {"reshaped": True})
    return None


def permutations(ndim):
    return itertools.permutations(range(ndim))  # the identity comes first


def axes(perm):
    return {} if list(perm) == sorted(perm) else {"transposed": list(perm)}


def layout(flat, shape):
    """The layout of the elements at the flat indices, relative to a parameter of the given shape."""
    size = int(np.prod(shape))
    where = np.unravel_index(flat.ravel(), shape)
    picks = [list(dict.fromkeys(w.tolist())) for w in where]
    grid = np.arange(size).reshape(shape)[np.ix_(*picks)]
    if flat.size % grid.size == 0 and flat.size > grid.size and (flat.reshape(-1, grid.size) == grid.ravel()).all():
        return {"repeated": flat.size // grid.size, **picked(picks, shape)}
    for perm in permutations(len(shape)):
        moved = grid.transpose(perm)
        if moved.size == flat.size and (moved.ravel() == flat.ravel()).all():
            reshaped = {} if flat.shape == moved.shape else {"reshaped": True}
            return axes(perm) | reshaped | picked(picks, shape)
    return {"unknown": "in no regular order"}


def picked(picks, shape):
    """Which rows of which axis there are, if not all in their order."""
    found = {}
    for axis, (rows, length) in enumerate(zip(picks, shape)):
        if rows == list(range(length)):
            continue
        assert not found, "rows of two axes"
        if rows == list(range(rows[0], rows[-1] + 1)):
            found = {"sliced": [axis, rows[0], rows[-1] + 1]}
        else:
            found = {"reordered": {"axis": axis, "blocks": blocks(rows, length)}}
    return found


def blocks(rows, length):
    """The order of equal blocks, as of the gates of an LSTM: [0, 3, 1, 2]."""
    assert sorted(rows) == list(range(length)), "neither a slice nor an order"
    for count in range(2, length + 1):
        step = length // count
        order = [rows[i * step] // step for i in range(count)]
        if length % count == 0 and rows == [step * block + i for block in order for i in range(step)]:
            return order
    raise AssertionError("no blocks")


def known_constant(t):
    flat = t.ravel()
    if (flat == flat[0]).all():
        return {"constant": "zeros" if flat[0] == 0 else "ones" if flat[0] == 1 else "uniform"}
    if t.ndim >= 2 and (t == np.broadcast_to(np.eye(t.shape[-2], t.shape[-1]), t.shape)).all():
        return {"constant": "identity"}
    if (flat == np.arange(t.size)).all():
        return {"constant": "range"}
    return {"unknown": "values that no parameter has"}
