import numpy as np

from methods._cases import each
from methods._philox import uniform
from methods._trim import l1
from methods._vote import vote


def della(voting):
    def f(src, density, epsilon, seed=0, rescale="density"):
        out = []
        for m, x in enumerate(src[1:]):
            tau = x - src[0]
            rows = tau if tau.ndim > 1 else tau[None]
            rank = np.abs(rows).argsort(1, kind="stable").argsort(1, kind="stable")
            share = rank / (rows.shape[1] - 1) if rows.shape[1] > 1 else np.full(rows.shape, 0.5)
            p = (density - epsilon + share * 2 * epsilon).reshape(tau.shape)
            kept = tau * (uniform(seed, "w", m, tau.shape) < p)
            out.append({"density": kept / p, "l1": l1(tau, kept), "none": kept}[rescale])
        return src[0] + (vote(np.array(out), (1, 1), True) if voting else sum(out))

    return each(
        3,
        [
            {"density": 0.5, "epsilon": 0.15},
            {"density": 0.3, "epsilon": 0.1, "seed": 3, "rescale": "l1"},
            {"density": 0.6, "epsilon": 0.2, "rescale": "none"},
        ],
        f,
        64,
    )
