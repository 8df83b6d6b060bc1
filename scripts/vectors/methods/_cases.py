"""Test cases of merge methods: random models, and the record that a vector file holds of each case."""

import numpy as np


def bits(x):
    return [f"{v:016x}" for v in np.asarray(x, np.float64).ravel().view(np.uint64)]


def special():
    return np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e-45, 1.5e308, -1.5e308, 0.1])


def models(seed, count, shape):
    """A base and changed copies of it, as float32 has them."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal(shape)
    return [
        m.astype(np.float32).astype(np.float64)
        for m in [base] + [base + 0.1 * rng.standard_normal(shape) for _ in range(count - 1)]
    ]


def case(params, src, want, ulp=64, depth=0.0):
    dims = list(np.shape(src[0]))
    return {
        "params": params,
        "dims": dims,
        "depth": depth,
        "ulp": ulp,
        "models": [bits(m) for m in src],
        "want": bits(want),
    }


SHAPES = [(1,), (2,), (9,), (6, 4), (3, 1), (4, 3, 2, 2)]


def each(count, params, formula, ulp=64, shapes=SHAPES):
    """A case for every shape and set of parameters."""
    out = []
    for i, shape in enumerate(shapes):
        for p in params:
            src = models(i, count, shape)
            out.append(case(p, src, formula(src, **p), ulp))
    return out
