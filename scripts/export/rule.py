"""Weights that are computed from their names, so that tests need no checkpoint.

The h-th element of a tensor is a function of h + FNV-1a(salt + name) alone:
splitmix64 gives 64 bits, their upper 53 a number u in [0, 1), and the tensor's kind a value from u:

  weight (2 axes and more)  (2u - 1) sqrt(3 / inputs)     running_var   0.5 + u
  weight (1 axis)           0.75 + 0.5 u                  all else      (2u - 1) 0.1

computed in float64 and rounded to float32. num_batches_tracked is 1.
"""

import numpy as np
import torch

MASK = (1 << 64) - 1


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & MASK
    return h


def uniform(key, count):
    """count numbers in [0, 1), float64."""
    z = np.arange(count, dtype=np.uint64) + np.uint64((fnv1a(key) + 0x9E3779B97F4A7C15) & MASK)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    z = z ^ z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def value(name, shape, salt=""):
    """The float32 tensor of that name, or int64 for num_batches_tracked."""
    leaf = name.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return np.ones(shape, np.int64)
    count = int(np.prod(shape))
    u = uniform(salt + name, count)
    if leaf == "weight" and len(shape) > 1:
        u = (2 * u - 1) * np.sqrt(3 / (count // shape[0]))
    elif leaf == "weight":
        u = 0.75 + 0.5 * u
    elif leaf == "running_var":
        u = 0.5 + u
    else:
        u = (2 * u - 1) * 0.1
    return u.astype(np.float32).reshape(shape)


def state(names_and_shapes, salt="", tied=None):
    """A state dictionary; tied maps a second name of a tensor to its first."""
    tied = tied or {}
    return {name: torch.from_numpy(value(tied.get(name, name), tuple(shape), salt))
            for name, shape in names_and_shapes}
