import numpy as np


def vote(tau, weight, normalize):
    w = np.array(weight).reshape((-1,) + (1,) * (tau.ndim - 1))
    x = tau * w
    agree = np.sign(x) == np.where(x.sum(0) >= 0, 1, -1)
    total = (x * agree).sum(0)
    if normalize:
        share = (w * agree).sum(0)
        total = total / np.where(share == 0, 1, share)
    return total
