import numpy as np

from methods._cases import SHAPES, each


def cases():
    def f(src, weight, base, normalize=True):
        origin = src[0] if base else 0
        v = [m - origin for m in src][1 if base else 0 :]
        w = np.array(weight[1 if base else 0 :], float)
        w = w / w.sum() if normalize else w
        n = [np.linalg.norm(x) for x in v]
        m = sum(wi * x / ni for wi, x, ni in zip(w, v, n))
        return origin + (w * n).sum() * m / np.linalg.norm(m)

    return each(
        3,
        [
            {"weight": [1, 1, 2], "base": False},
            {"weight": [0, 1, 2], "base": True},
            {"weight": [3, 1, 0.5], "base": False, "normalize": False},
        ],
        f,
        256,
        SHAPES[2:],
    )
