"""Write probe/testdata/logistic.json: small data sets and the optimum of multinomial
logistic regression on them, found in float64 by Newton's method.

    python scripts/vectors/probe.py        (from the repository's root; needs numpy)

Numbers are hex floats, so that no digit is lost. The objective is scikit-learn's,
C * sum(log loss) + 0.5 * ||W||^2 with free intercepts; intercepts are shifted to sum 0.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np


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


def dataset(rng, n, d, k, gap, ties=0.0):
    y = np.arange(n) % k
    x = rng.normal(size=(n, d)) + gap * rng.normal(size=(k, d))[y]
    x += ties * rng.normal(size=(n, 1))  # correlated features
    return x.astype(np.float32), y


def main():
    rng = np.random.default_rng(7)
    cases = []
    for name, args, c in [
        ("overlapping", dict(n=24, d=3, k=3, gap=0.7), 1.0),
        ("binary", dict(n=20, d=2, k=2, gap=0.5), 1.0),
        ("separable", dict(n=18, d=4, k=3, gap=4.0), 100.0),
        ("fewer rows than features", dict(n=6, d=9, k=3, gap=1.0), 10.0),
        ("correlated", dict(n=30, d=4, k=2, gap=0.7, ties=20.0), 1.0),
        ("weak", dict(n=24, d=3, k=4, gap=1.0), 0.001),
    ]:
        x, y = dataset(rng, **args)
        k = args["k"]
        theta, grad = newton(x.astype(np.float64), y, c, k)
        kd = k * x.shape[1]
        cases.append({
            "name": name, "dim": x.shape[1], "classes": k, "C": c,
            "x": [float(v).hex() for v in x.ravel()], "y": y.tolist(),
            "w": [v.hex() for v in theta[:kd].tolist()], "b": [v.hex() for v in theta[kd:].tolist()],
            "objective": objective(theta, x.astype(np.float64), y, c, k).hex(),
            "gradient_max": grad,
        })
        print(f"{name}: gradient {grad:.1e}", file=sys.stderr)
    script = pathlib.Path(__file__)
    out = {
        "script_sha256": hashlib.sha256(script.read_bytes()).hexdigest(),
        "numpy": np.__version__,
        "cases": cases,
    }
    path = script.resolve().parents[2] / "probe" / "testdata" / "logistic.json"
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
