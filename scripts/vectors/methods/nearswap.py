import numpy as np

from methods._cases import each


def cases():
    def f(src, t):
        d = np.abs(src[1] - src[0])
        s = np.clip(np.divide(t, d, out=np.ones_like(d), where=d > 0), 0, 1)
        return (1 - s) * src[0] + s * src[1]

    return each(2, [{"t": 0.001}, {"t": 0.05}], f, 2)
