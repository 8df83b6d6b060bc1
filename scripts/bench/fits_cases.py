"""The data sets of fits.py: seeded, float32 features and labels."""

import numpy as np


def _gaussian(r, n, d, k, separation, shares=None):
    """Isotropic classes: unit variance around means whose coordinates have this standard deviation."""
    y = np.concatenate([np.arange(k), r.choice(k, size=n - k, p=shares)])
    return separation * r.normal(size=(k, d))[y] + r.normal(size=(n, d)), y


def _correlated(r, n, d, k):
    """A spectrum that falls as a power, turned, with an offset: what backbones' features look like."""
    spread = np.arange(1, d + 1) ** -0.7 * np.sqrt(d) * 0.5
    turn, _ = np.linalg.qr(r.normal(size=(d, d)))
    y = np.concatenate([np.arange(k), r.integers(k, size=n - k)])
    return ((0.35 * r.normal(size=(k, d))[y] + r.normal(size=(n, d))) * spread) @ turn + r.normal(size=d), y


def _sparse(r, n, d, k):
    """Nine of ten values are 0, the others positive, as after ReLU."""
    x, y = _gaussian(r, n, d, k, 0.3)
    return np.maximum(0, x - 1.33), y


def _heavy(r, n, d, k):
    """Student's t with three degrees of freedom around the classes' means."""
    x, y = _gaussian(r, n, d, k, 0.25)
    return x / np.sqrt(r.chisquare(3, size=(n, 1)) / 3), y


def _scaled(r, n, d, k):
    """Features whose sizes differ by three orders of magnitude, far from 0."""
    x, y = _gaussian(r, n, d, k, 0.1)
    size = 10 ** r.uniform(-2, 1, size=d)
    return (x + 3) * size, y


def cases(n, d, k):
    """Yields name, features, labels, C for n rows of d features of k classes."""

    def case(name, seed, make, c=1.0, n=n, d=d, k=k):
        x, y = make(np.random.default_rng(seed), n, d, k)
        order = np.random.default_rng(seed + 1000).permutation(n)
        return f"{name}, {n:,} x {d} x {k}, C {c:g}", x[order].astype(np.float32), y[order].astype(np.int64), c

    def isotropic(separation):
        return lambda r, n, d, k: _gaussian(r, n, d, k, separation)

    steep = 0.9 ** np.arange(k) / (0.9 ** np.arange(k)).sum()
    yield lambda: case("separation .05", 1, isotropic(0.05))
    yield lambda: case("separation .1", 2, isotropic(0.1))
    yield lambda: case("separation .25", 3, isotropic(0.25))
    yield lambda: case("correlated", 4, _correlated)
    yield lambda: case("correlated", 4, _correlated, 1e-2)
    yield lambda: case("correlated", 4, _correlated, 1e2)
    yield lambda: case("isotropic", 5, isotropic(0.15), 1e-4)
    yield lambda: case("isotropic", 5, isotropic(0.15), 1e4)
    yield lambda: case("sparse", 6, _sparse)
    yield lambda: case("heavy-tailed", 7, _heavy)
    yield lambda: case("few rows", 8, isotropic(0.1), n=n // 10)
    yield lambda: case("many classes", 9, isotropic(0.2), d=d // 3, k=k * 10)
    yield lambda: case("imbalanced", 10, lambda r, n, d, k: _gaussian(r, n, d, k, 0.1, steep))
    yield lambda: case("sizes differ", 11, _scaled)
    yield lambda: standardised(case("sizes differ", 11, _scaled))


def standardised(case):
    name, x, y, c = case
    wide = x.astype(np.float64)
    deviation = wide.std(axis=0)
    deviation[deviation == 0] = 1
    return name.replace(",", ", standardised,", 1), ((wide - wide.mean(axis=0)) / deviation).astype(np.float32), y, c


def real(path):
    """Yields the features in a file of wiseft features, as they are and standardised."""
    with np.load(path) as z:
        x, y = z["x"], z["y"]
    name = f"{path.split('/')[-1].removesuffix('.npz')}, {len(x):,} x {x.shape[1]} x {len(set(y))}, C 1"
    yield lambda: (name, x, y, 1.0)
    yield lambda: standardised((name, x, y, 1.0))
