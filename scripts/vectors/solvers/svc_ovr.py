"""Squared hinge, one class against the rest, by Newton's method on the active rows."""

import numpy as np

from solvers._problems import each


def solve(x, y, c, k):
    x1 = np.hstack([x, np.ones((len(x), 1))])
    out, total, norm = [], 0.0, 0.0
    for label in range(k):
        s = np.where(y == label, 1.0, -1.0)
        theta = np.zeros(x1.shape[1])

        def value(t):
            return 0.5 * t @ t + c * (np.maximum(0, 1 - s * (x1 @ t)) ** 2).sum()

        for _ in range(500):
            slack = 1 - s * (x1 @ theta)
            on = slack > 0
            grad = theta - 2 * c * x1[on].T @ (s[on] * slack[on])
            if np.abs(grad).max() < 1e-13 * max(1, c):
                break
            hess = np.eye(len(theta)) + 2 * c * x1[on].T @ x1[on]
            step, t = np.linalg.solve(hess, grad), 1.0
            while t > 1e-9 and value(theta - t * step) > value(theta) * (1 + 1e-15):
                t /= 2
            theta = theta - t * step
        out.append(theta)
        total += value(theta)
        norm = max(norm, float(np.abs(grad).max()))
    out = np.array(out)
    return out[:, :-1], out[:, -1], total, norm


def cases():
    return each(solve)
