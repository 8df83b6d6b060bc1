import numpy as np

from methods._cases import each
from methods._trim import band
from methods._vote import vote


def breadcrumbs(voting):
    def f(src, density, gamma, weight=(1, 1, 1)):
        tau = np.array(src[1:]) - src[0]
        n = tau[0].size
        stay = int(density * n)
        low = max(0, n - stay - int(gamma * n))
        kept = np.array([band(t, low, low + stay - 1) for t in tau])
        if voting:
            return src[0] + vote(kept, weight, False)
        return src[0] + sum(w * k for w, k in zip(weight, kept))

    return each(4, [{"density": 0.5, "gamma": 0.2}, {"density": 0.9, "gamma": 0.3, "weight": [1, 0.8, 0.6]}], f, 4)
