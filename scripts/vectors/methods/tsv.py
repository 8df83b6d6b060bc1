import numpy as np

from methods._cases import SHAPES, each
from methods._polar import polar


def cases():
    def f(src, **p):
        tau = np.array(src[1:]) - src[0]
        scale = p.get("lambda", 1)
        if tau[0].ndim != 2 or min(tau[0].shape) < len(tau):
            return src[0] + scale * tau.mean(0)
        k = min(tau[0].shape) // len(tau)
        us, ss, vs = [], [], []
        for t in tau:
            u, s, vt = np.linalg.svd(t, full_matrices=False)
            us.append(u[:, :k])
            ss.append(s[:k])
            vs.append(vt[:k].T)
        return src[0] + scale * polar(us) @ np.diag(np.concatenate(ss)) @ polar(vs).T

    return each(3, [{}, {"lambda": 0.5}], f, 65536, SHAPES + [(12, 7), (5, 16)])
