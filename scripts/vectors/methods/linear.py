import numpy as np

from methods._cases import case, each, special


def cases():
    rng = np.random.default_rng(0)
    inputs = []
    for n in [0, 1, 7, 8, 9, 64]:
        a, b = rng.standard_normal((2, n)).astype(np.float32).astype(np.float64)
        for alpha in [0.1, 0.25, 0.5, 0.9]:
            inputs.append((alpha, a, b))
    for alpha in [0.3, 0.5]:
        a, b = np.meshgrid(special(), special())
        inputs.append((alpha, a.ravel(), b.ravel()))
    with np.errstate(all="ignore"):
        out = [case({"alpha": alpha}, [a, b], (1 - alpha) * a + alpha * b, 0) for alpha, a, b in inputs]

    def average(src, weight, normalize=True):
        total = sum(weight) if normalize else 1
        return sum(w / total * m for w, m in zip(weight, src))

    out += each(3, [{"weight": [1, 2, 0.5]}, {"weight": [1, 2, -0.5], "normalize": False}], average, 2)
    return out + each(
        4, [{"alpha": 0.3}, {"alpha": 1}], lambda src, alpha: (1 - alpha) * src[0] + alpha * np.mean(src[1:], 0), 4
    )
