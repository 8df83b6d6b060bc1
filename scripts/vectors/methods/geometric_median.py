import numpy as np

from methods._cases import case, models


def cases():
    def f(src, max_iter, tol=0.0):
        x = np.mean(src, 0)
        for _ in range(max_iter):
            w = [1 / np.linalg.norm(x - m) for m in src]
            x = sum(wi * m for wi, m in zip(w, src)) / sum(w)
        return x

    out = []
    for p in [{"max_iter": 1, "tol": 0}, {"max_iter": 5, "tol": 0}]:
        for shape in [(9,), (6, 4)]:
            src = models(12, 4, shape)
            out.append(case(p, src, f(src, **p), 4096))
    return out
