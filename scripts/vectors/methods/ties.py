import numpy as np

from methods._cases import SHAPES, each
from methods._trim import band


def cases():
    def f(src, density, merge="mean", **p):
        tau = np.array(src[1:]) - src[0]
        kept = np.array([band(t, t.size - int(density * t.size), t.size - 1) for t in tau])
        sign = np.sign(kept.sum(0))
        majority = -1 if np.sign(sign.sum()) < 0 else 1
        sign = np.where(sign == 0, majority, sign)
        agree = kept * (np.sign(kept) == sign)
        count = np.maximum((agree != 0).sum(0), 1)
        merged = {"mean": agree.sum(0) / count, "sum": agree.sum(0), "max": sign * np.abs(agree).max(0)}[merge]
        return src[0] + p.get("lambda", 1) * merged

    return each(
        4,
        [{"density": 0.5}, {"density": 0.2, "merge": "sum", "lambda": 0.4}, {"density": 1, "merge": "max"}],
        f,
        4,
        SHAPES[2:],
    )
