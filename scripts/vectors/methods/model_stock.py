import numpy as np

from methods._cases import SHAPES, each


def cases():
    def whole(tau):
        n = len(tau)
        cos = [
            (tau[i] * tau[j]).sum() / np.linalg.norm(tau[i]) / np.linalg.norm(tau[j])
            for i in range(n)
            for j in range(i + 1, n)
        ]
        c = np.mean(cos)
        return max(0.0, n * c / (1 + (n - 1) * c)) * np.mean(tau, 0) if c > 0 else np.zeros_like(tau[0])

    def f(src, filter_wise=False):
        tau = np.array(src[1:]) - src[0]
        if not filter_wise:
            return src[0] + whole(tau)
        flat = tau.reshape(len(tau), -1, tau.shape[-1])
        return src[0] + np.stack([whole(flat[:, i]) for i in range(flat.shape[1])]).reshape(src[0].shape)

    return each(3, [{}, {"filter_wise": True}], f, 4096, SHAPES[2:4]) + each(5, [{}], f, 4096, SHAPES[2:4])
