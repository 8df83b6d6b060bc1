"""Logistic regression of two classes with one vector of weights, by Newton's method."""

import numpy as np

from solvers._problems import each


def objective(theta, x1, sign, c):
    return c * np.logaddexp(0, -sign * (x1 @ theta)).sum() + 0.5 * (theta[:-1] ** 2).sum()


def newton(x, y, c):
    x1, sign = np.hstack([x, np.ones((len(x), 1))]), 2.0 * y - 1
    theta, penalty = np.zeros(x1.shape[1]), np.append(np.ones(x.shape[1]), 0)
    for _ in range(200):
        p = 1 / (1 + np.exp(-x1 @ theta))
        grad = c * x1.T @ (p - y) + penalty * theta
        if np.abs(grad).max() < 1e-12 * max(1, c):
            break
        step = np.linalg.solve(c * (x1 * (p * (1 - p))[:, None]).T @ x1 + np.diag(penalty), grad)
        t, f0 = 1.0, objective(theta, x1, sign, c)
        while t > 1e-6 and objective(theta - t * step, x1, sign, c) > f0 + 1e-12 * abs(f0):
            t /= 2
        theta -= t * step
    return theta, objective(theta, x1, sign, c), float(np.abs(grad).max())


def solve(x, y, c, k):
    """The weights of the classes are -w/2 and w/2, and so are their intercepts."""
    theta, value, grad = newton(x, np.minimum(y, 1), c)
    both = np.stack([-theta / 2, theta / 2])
    return both[:, :-1], both[:, -1], value, grad


def cases():
    return [case for case in each(solve) if case["classes"] == 2]
