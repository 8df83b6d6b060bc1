import numpy as np

from methods._cases import each
from methods._trim import band, l1
from methods._vote import vote


def cases():
    def f(src, density, weight=(1, 1, 1), normalize=True, rescale="none", **p):
        tau = np.array(src[1:]) - src[0]
        kept = np.array([band(t, t.size - max(1, int(density * t.size)), t.size - 1) for t in tau])
        if rescale == "l1":
            kept = np.array([l1(t, k) for t, k in zip(tau, kept)])
        return src[0] + p.get("lambda", 1) * vote(kept, weight, normalize)

    return each(
        4,
        [
            {"density": 0.5},
            {"density": 0.2, "weight": [1, 0.5, 0.25]},
            {"density": 0.5, "rescale": "l1", "normalize": False, "lambda": 0.4},
        ],
        f,
        64,
    )
