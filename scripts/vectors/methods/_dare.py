import numpy as np

from methods._cases import each
from methods._philox import uniform
from methods._trim import l1
from methods._vote import vote


def dare(voting):
    def f(src, density, seed=0, rescale="density", weight=(1, 1)):
        out = []
        for m, x in enumerate(src[1:]):
            tau = x - src[0]
            kept = tau * (uniform(seed, "w", m, tau.shape) < density)
            out.append({"density": kept / density, "l1": l1(tau, kept), "none": kept}[rescale])
        if voting:
            return src[0] + vote(np.array(out), weight, False)
        return src[0] + sum(w * k for w, k in zip(weight, out))

    return each(
        3,
        [
            {"density": 0.5},
            {"density": 0.3, "seed": 7, "rescale": "l1"},
            {"density": 0.7, "rescale": "none", "weight": [1, 0.4]},
        ],
        f,
        64,
    )
