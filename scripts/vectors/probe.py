"""Write probe/fit/testdata/<solver>.json: small data sets and the optimum of every solver
on them, found in float64.

    python scripts/vectors/probe.py        (from the repository's root; needs numpy and scipy)

Numbers are hex floats, so that no digit is lost. The objectives are scikit-learn's:
logistic by Newton's method, its intercepts shifted to sum 0; svc-ovr by Newton's method on
the active rows; svc-ovo by sequential minimal optimisation of the dual, most violating pairs first; ridge in closed form; knn by
sorting all distances, its "w" being the scores of the training rows. mlp has no optimum that
could be compared, and no vectors.
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


def svc_ovr(x, y, c, k):
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


def svc_ovo(x, y, c, k):
    ws, bs, total, worst = [], [], 0.0, 0.0
    for first in range(k):
        for second in range(first + 1, k):
            on = (y == first) | (y == second)
            xp, s = x[on], np.where(y[on] == first, 1.0, -1.0)
            q, a = xp @ xp.T, np.zeros(on.sum())
            for _ in range(1000000):
                v = s - q @ (a * s)
                up = ((s > 0) & (a < c)) | ((s < 0) & (a > 0))
                low = ((s > 0) & (a > 0)) | ((s < 0) & (a < c))
                i, j = np.where(up, v, -np.inf).argmax(), np.where(low, v, np.inf).argmin()
                gap = v[i] - v[j]
                if gap < 1e-14 * (1 + np.abs(v).max()):
                    break
                t = gap / max(q[i, i] + q[j, j] - 2 * q[i, j], 1e-300)
                t = min(t, c - a[i] if s[i] > 0 else a[i], a[j] if s[j] > 0 else c - a[j])
                a[i] = np.clip(a[i] + s[i] * t, 0, c)
                a[j] = np.clip(a[j] - s[j] * t, 0, c)
            free = (a > 0) & (a < c)
            b = v[free].mean() if free.any() else (v[i] + v[j]) / 2
            w = xp.T @ (a * s)
            ws.append(w), bs.append(b)
            total += 0.5 * w @ w + c * np.maximum(0, 1 - s * (xp @ w + b)).sum()
            worst = max(worst, float(gap))
    return np.array(ws), np.array(bs), total, worst


def ridge(x, y, c, k):
    t = np.where(y[:, None] == np.arange(k), 1.0, -1.0)
    mean, tmean = x.mean(axis=0), t.mean(axis=0)
    xc = x - mean
    w = np.linalg.solve(xc.T @ xc + np.eye(x.shape[1]) / c, xc.T @ (t - tmean)).T
    b = tmean - w @ mean
    r = x @ w.T + b - t
    grad = c * r.T @ x + w
    return w, b, 0.5 * c * (r**2).sum() + 0.5 * (w**2).sum(), float(np.abs(grad).max())


def knn(x, y, c, k):
    scores = np.zeros((len(x), k))
    for i, row in enumerate(x):
        near = np.argsort(((x - row) ** 2).sum(axis=1), kind="stable")[:5]
        for j in near:
            scores[i, y[j]] += 1 / min(5, len(x))
    return scores, np.zeros(0), 0.0, 0.0


def logistic(x, y, c, k):
    theta, grad = newton(x, y, c, k)
    kd = k * x.shape[1]
    return theta[:kd].reshape(k, -1), theta[kd:], objective(theta, x, y, c, k), grad


def main():
    for solver in [logistic, svc_ovr, svc_ovo, ridge, knn]:
        write(solver)


def write(solver):
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
        w, b, value, grad = solver(x.astype(np.float64), y, c, k)
        cases.append({
            "name": name, "dim": x.shape[1], "classes": k, "C": c,
            "x": [float(v).hex() for v in x.ravel()], "y": y.tolist(),
            "w": [v.hex() for v in w.ravel().tolist()], "b": [v.hex() for v in b.tolist()],
            "objective": float(value).hex(),
            "gradient_max": grad,
        })
        print(f"{solver.__name__}: {name}: gradient {grad:.1e}", file=sys.stderr)
    script = pathlib.Path(__file__)
    out = {
        "script_sha256": hashlib.sha256(script.read_bytes()).hexdigest(),
        "numpy": np.__version__,
        "cases": cases,
    }
    path = script.resolve().parents[2] / "probe" / "fit" / "testdata" / (solver.__name__.replace("_", "-") + ".json")
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
