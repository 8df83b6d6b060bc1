"""Logistic regression by Newton's method, intercepts shifted to sum 0."""

import numpy as np

from solvers._problems import each


def objective(theta, x, y, c, k):
    n, d = x.shape
    w, b = theta[: k * d].reshape(k, d), theta[k * d :]
    s = x @ w.T + b
    s -= s.max(axis=1, keepdims=True)
    loss = np.log(np.exp(s).sum(axis=1)) - s[np.arange(n), y]
    return c * loss.sum() + 0.5 * (w**2).sum()


def derivatives(theta, x, y, c, k):
    n, d = x.shape
    w, b = theta[: k * d].reshape(k, d), theta[k * d :]
    s = x @ w.T + b
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    r = p.copy()
    r[np.arange(n), y] -= 1
    grad = np.concatenate([(c * r.T @ x + w).ravel(), c * r.sum(axis=0)])
    x1 = np.hstack([x, np.ones((n, 1))])
    hess = np.zeros((k, d + 1, k, d + 1))
    for a in range(k):
        for e in range(k):
            weight = c * p[:, a] * ((a == e) - p[:, e])
            hess[a, :, e, :] = x1.T @ (weight[:, None] * x1)
        hess[a, range(d), a, range(d)] += 1
    # The order of the parameters: all of W, then b.
    order = [a * (d + 1) + j for a in range(k) for j in range(d)] + [a * (d + 1) + d for a in range(k)]
    hess = hess.reshape(k * (d + 1), k * (d + 1))[np.ix_(order, order)]
    return grad, hess


def newton(x, y, c, k):
    d = x.shape[1]
    theta = np.zeros(k * d + k)
    for _ in range(200):
        grad, hess = derivatives(theta, x, y, c, k)
        if np.abs(grad).max() < 1e-12 * max(1, c):
            break
        # A constant added to all intercepts changes nothing; lstsq leaves it at zero.
        step = np.linalg.lstsq(hess, grad, rcond=1e-14)[0]
        t, f0 = 1.0, objective(theta, x, y, c, k)
        while t > 1e-6 and objective(theta - t * step, x, y, c, k) > f0 + 1e-12 * abs(f0):
            t /= 2
        theta -= t * step
    theta[k * d :] -= theta[k * d :].mean()
    return theta, float(np.abs(grad).max())


def solve(x, y, c, k):
    theta, grad = newton(x, y, c, k)
    kd = k * x.shape[1]
    return theta[:kd].reshape(k, -1), theta[kd:], objective(theta, x, y, c, k), grad


def cases():
    return each(solve)
