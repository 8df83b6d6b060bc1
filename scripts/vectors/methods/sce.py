import numpy as np

from methods._cases import each


def cases():
    def f(src, select_topk):
        tau = np.array(src[1:]) - src[0]
        var = tau.var(0)
        k = int(np.count_nonzero(var) * select_topk)
        if k == 0:
            return src[0]
        tau = tau * (var >= np.sort(var, axis=None)[-k])
        w = (tau * tau).reshape(len(tau), -1).sum(1)
        w = (w / w.sum()).reshape((-1,) + (1,) * (tau.ndim - 1))
        agree = np.sign(tau) == np.where(tau.sum(0) >= 0, 1, -1)
        share = (w * agree).sum(0)
        return src[0] + (tau * w * agree).sum(0) / np.where(share == 0, 1, share)

    return each(4, [{"select_topk": 0.5}, {"select_topk": 0.1}], f, 64) + each(4, [{"select_topk": 1}], f, 64)
