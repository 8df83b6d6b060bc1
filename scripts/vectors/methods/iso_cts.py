import numpy as np

from methods._cases import SHAPES, each
from methods._polar import polar


def cases():
    def f(src, common=0.8, **p):
        tau = np.array(src[1:]) - src[0]
        scale = p.get("lambda", 1)
        if tau[0].ndim != 2:
            return src[0] + scale * tau.mean(0)
        rank = min(tau[0].shape)
        own = min(round((rank - int(rank * common)) / len(tau)), rank // len(tau))
        k = rank - own * len(tau)
        u, s, vt = np.linalg.svd(tau.sum(0), full_matrices=False)
        us, ss, vs = [u[:, :k]], [s[:k]], [vt[:k].T]
        for t in tau:
            ut, st, vtt = np.linalg.svd(t - u[:, :k] @ u[:, :k].T @ t, full_matrices=False)
            us.append(ut[:, :own])
            ss.append(st[:own])
            vs.append(vtt[:own].T)
        return src[0] + scale * np.concatenate(ss).mean() * polar(us) @ polar(vs).T

    return each(3, [{}, {"lambda": 0.5, "common": 0.3}], f, 65536, SHAPES + [(12, 7), (5, 16)])
