"""The data sets on which every solver is tried: name, arguments of dataset, C."""

import numpy as np


def dataset(rng, n, d, k, gap, ties=0.0):
    y = np.arange(n) % k
    x = rng.normal(size=(n, d)) + gap * rng.normal(size=(k, d))[y]
    x += ties * rng.normal(size=(n, 1))  # correlated features
    return x.astype(np.float32), y


PROBLEMS = [
    ("overlapping", dict(n=24, d=3, k=3, gap=0.7), 1.0),
    ("binary", dict(n=20, d=2, k=2, gap=0.5), 1.0),
    ("separable", dict(n=18, d=4, k=3, gap=4.0), 100.0),
    ("fewer rows than features", dict(n=6, d=9, k=3, gap=1.0), 10.0),
    ("correlated", dict(n=30, d=4, k=2, gap=0.7, ties=20.0), 1.0),
    ("weak", dict(n=24, d=3, k=4, gap=1.0), 0.001),
]


def each(solve):
    """One case for every problem. solve(x, y, C, classes) returns weights, intercepts, objective, largest gradient."""
    rng = np.random.default_rng(7)
    cases = []
    for name, args, c in PROBLEMS:
        x, y = dataset(rng, **args)
        k = args["k"]
        w, b, value, grad = solve(x.astype(np.float64), y, c, k)
        cases.append(
            {
                "name": name,
                "dim": x.shape[1],
                "classes": k,
                "C": c,
                "x": [float(v).hex() for v in x.ravel()],
                "y": y.tolist(),
                "w": [v.hex() for v in w.ravel().tolist()],
                "b": [v.hex() for v in b.tolist()],
                "objective": float(value).hex(),
                "gradient_max": grad,
            }
        )
    return cases
