import numpy as np

from methods._cases import each


def cases():
    def softmax(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def f(src):
        base, tuned = src
        p, q = softmax(tuned) + 1e-8, softmax(base) + 1e-8
        score = np.abs(tuned - base) * np.maximum(0, (p * np.log(p / q)).sum(-1, keepdims=True))
        s = np.sort(score, axis=None)
        q1, median, q3 = (s[int(np.float32(x) * np.float32(s.size - 1))] for x in (0.25, 0.5, 0.75))
        return np.where(score >= median + 1.5 * (q3 - q1), tuned, base)

    return each(2, [{}], f, 0, [(9,), (6, 4), (20, 5), (4, 3, 2, 2)])
