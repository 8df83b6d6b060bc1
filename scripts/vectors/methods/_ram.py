import numpy as np

from methods._cases import each


def ram(r=None):
    def f(src, epsilon=1e-5, r=0.0, alpha=0.0):
        tau = np.array(src[1:]) - src[0]
        mask = np.abs(tau) > epsilon
        count = mask.sum(0)
        shared = (mask & (count > 1)).reshape(len(tau), -1).sum(1)
        unique = (mask & (count == 1)).reshape(len(tau), -1).sum(1)
        factor = 1 + r * np.minimum(shared / np.maximum(unique, epsilon), alpha)
        factor = factor.reshape((-1,) + (1,) * (tau.ndim - 1))
        return src[0] + (tau * mask * np.where(count == 1, factor, 1 / np.maximum(count, 1))).sum(0)

    return f


def rams(params, f):
    return each(3, params, f, 8)
