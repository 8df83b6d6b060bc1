"""Five nearest neighbours by sorting all distances; the scores of the training rows stand in for weights."""

import numpy as np

from solvers._problems import each


def solve(x, y, c, k):
    scores = np.zeros((len(x), k))
    for i, row in enumerate(x):
        near = np.argsort(((x - row) ** 2).sum(axis=1), kind="stable")[:5]
        for j in near:
            scores[i, y[j]] += 1 / min(5, len(x))
    return scores, np.zeros(0), 0.0, 0.0


def cases():
    return each(solve)
