"""The seven corruptions of ModelNet-C at five levels, for one cloud (points, 3).

Counts are those for 1024 points, scaled to the cloud's own number. This is for
judging the demo's models while training; wiseft's own are in datasets/corrupt.
"""

import numpy as np


def scale(r, x, level):
    s = 1.6 + 0.1 * level
    x = x * r.uniform(1 / s, s, 3)
    x = x - x.mean(0)
    return x / np.linalg.norm(x, axis=1).max()


def jitter(r, x, level):
    return x + r.normal(0, 0.01 * (level + 1), x.shape)


def rotate(r, x, level):
    limit = np.pi / 30 * (level + 1)
    matrix = np.eye(3)
    for axis, angle in enumerate(r.uniform(-limit, limit, 3)):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[[i, j, i, j], [i, j, j, i]] = np.cos(angle), np.cos(angle), -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return x @ matrix


def dropout_global(r, x, level):
    keep = int(len(x) * (1 - (0.25 + 0.125 * level)))
    return r.permutation(x)[:keep]


def cluster_sizes(r, x, level):
    clusters = r.integers(1, 8)
    total = round(100 * (level + 1) * len(x) / 1024)
    return np.bincount(r.integers(0, clusters, total), minlength=clusters)


def dropout_local(r, x, level):
    for size in cluster_sizes(r, x, level):
        centre = x[r.integers(len(x))]
        x = x[np.argsort(((x - centre) ** 2).sum(1))[size:]]
    return x


def add_global(r, x, level):
    count = round(10 * (level + 1) * len(x) / 1024)
    direction = r.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.concatenate([x, direction * r.uniform(size=(count, 1)) ** (1 / 3)])


def add_local(r, x, level):
    sizes = cluster_sizes(r, x, level)
    added = [x]
    for size, centre in zip(sizes, r.permutation(x)):
        p = centre + r.normal(size=(size, 3)) * r.uniform(0.075, 0.125)
        added.append(p / np.maximum(1, (p**2).sum(1, keepdims=True)))
    return np.concatenate(added)


ALL = [scale, jitter, rotate, dropout_global, dropout_local, add_global, add_local]


def corrupt(x, name, level, seed):
    """Corrupts clouds (batch, points, 3), each with its own stream of random numbers. Clouds
    of one batch end with the same number of points."""
    kind = [f.__name__ for f in ALL].index(name)
    out = [ALL[kind](np.random.default_rng([seed, kind, level, i]), p, level) for i, p in enumerate(x)]
    return np.stack(out).astype(np.float32)
