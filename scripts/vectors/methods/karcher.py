import numpy as np

from methods._cases import case


def cases():
    def f(src, max_iter, tol):
        n = np.array([np.linalg.norm(x) for x in src])
        u = [x / ni for x, ni in zip(src, n)]
        m = sum(u)
        m /= np.linalg.norm(m)
        for _ in range(max_iter):
            step = 0
            for x in u:
                cos = np.clip((x * m).sum(), -1, 1)
                angle = np.arccos(cos)
                if angle > 1e-8:
                    step = step + angle / np.sin(angle) * (x - cos * m) / len(u)
            length = np.linalg.norm(step)
            if length < tol:
                break
            m = np.cos(length) * m + np.sin(length) * step / length
            m /= np.linalg.norm(m)
        return n.mean() * m

    out = []
    rng = np.random.default_rng(11)
    for shape in [(9,), (6, 4)]:
        src = list(rng.standard_normal((4,) + shape) + 0.5)
        for p in [{"max_iter": 1, "tol": 0}, {"max_iter": 10, "tol": 1e-5}, {"max_iter": 100, "tol": 1e-9}]:
            out.append(case(p, src, f(src, **p), 4096))
    return out
