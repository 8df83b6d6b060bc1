"""How close to the optimum wiseft's logistic fits end, on 20 generated data sets.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/probe_optimum.py --wiseft ./wiseft

Needs numpy and scikit-learn. The optimum is found in float64 by Newton's method on the whole
Hessian. Columns: relative distance of wiseft's objective from it, and of scikit-learn's (lbfgs,
float64, tol 1e-10); share of rows whose predicted class is the optimum's; largest difference of
a coefficient, over the largest coefficient. It fails if wiseft's objective is more than 1e-8
above the optimum, or above scikit-learn's by more than 1e-12, or fewer than 99.9 % of predictions are equal.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression


def blobs(r, n, d, k, gap=1.0, ties=0.0, scale=1.0, shares=None):
    y = np.concatenate([np.arange(k), r.choice(k, size=n - k, p=shares)])
    x = r.normal(size=(n, d)) + gap * r.normal(size=(k, d))[y] + ties * r.normal(size=(n, 1))
    return (scale * x).astype(np.float32), y.astype(np.int64)


def cases():
    r = np.random.default_rng(11)
    steep = np.r_[0.9, np.full(4, 0.025)]
    yield "2 classes", *blobs(r, 300, 10, 2), 1.0
    yield "2 classes, C 1e-4", *blobs(r, 300, 10, 2), 1e-4
    yield "2 classes, separable, C 1e4", *blobs(r, 200, 20, 2, gap=3), 1e4
    yield "3 classes, C 1e3", *blobs(r, 500, 8, 3, gap=0.5), 1e3
    yield "5 classes, n < d", *blobs(r, 40, 100, 5), 1.0
    yield "5 classes, n < d, C 1e4", *blobs(r, 40, 100, 5), 1e4
    yield "8 classes, separable", *blobs(r, 400, 30, 8, gap=3), 100.0
    yield "near-collinear", *blobs(r, 400, 20, 4, ties=100), 1.0
    yield "near-collinear, C 100", *blobs(r, 400, 20, 4, ties=100), 100.0
    yield "imbalanced", *blobs(r, 1000, 15, 5, gap=0.7, shares=steep), 1.0
    yield "imbalanced, C 100", *blobs(r, 1000, 15, 5, gap=0.7, shares=steep), 100.0
    yield "tiny features", *blobs(r, 300, 10, 4, scale=1e-3), 1e3
    yield "large features", *blobs(r, 300, 10, 4, scale=1e3), 1e-3
    x, y = blobs(r, 200, 10, 4)
    yield "rows twice", np.vstack([x, x]), np.r_[y, y], 1.0
    x, y = blobs(r, 300, 10, 4)
    x[:, 3], x[:, 5] = 7, x[:, 4]
    yield "constant and repeated features", x, y, 1.0
    yield "20 classes", *blobs(r, 1000, 40, 20), 1.0
    yield "40 classes, C 10", *blobs(r, 1500, 30, 40), 10.0
    yield "100 classes", *blobs(r, 2000, 20, 100), 1.0
    yield "300 classes", *blobs(r, 2000, 8, 300), 1.0
    yield "1,000 classes", *blobs(r, 3000, 4, 1000), 1.0


def value(w, x1, y, c):
    s = x1 @ w.T
    s -= s.max(axis=1, keepdims=True)
    return c * (np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]).sum() + 0.5 * (w[:, :-1] ** 2).sum()


def newton(w, x, y, c):
    k, n = len(w), len(x)
    mean = x.mean(axis=0)  # the intercepts are free, and centred features are better conditioned
    x1 = np.hstack([x - mean, np.ones((n, 1))])
    w = w.copy()
    w[:, -1] += w[:, :-1] @ mean
    penalty = np.tile(np.r_[np.ones(x.shape[1]), 0], k)
    for _ in range(60):
        s = x1 @ w.T
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        r = p.copy()
        r[np.arange(n), y] -= 1
        grad = (c * r.T @ x1).ravel() + penalty * w.ravel()
        a = (p[:, :, None] * x1[:, None, :]).reshape(n, -1)
        hess = -c * a.T @ a
        for j in range(k):
            at = slice(j * x1.shape[1], (j + 1) * x1.shape[1])
            hess[at, at] += c * x1.T @ (p[:, j : j + 1] * x1)
        hess[np.diag_indices(len(hess))] += penalty
        last = np.arange(x1.shape[1] - 1, len(hess), x1.shape[1])
        hess[np.ix_(last, last)] += c * n / k**2  # all intercepts may move together
        step = np.linalg.solve(hess, grad).reshape(w.shape)
        t, f = 1.0, value(w, x1, y, c)
        while value(w - t * step, x1, y, c) > f * (1 + 1e-14) and t > 1e-6:
            t /= 2
        w -= t * step
        if t * abs(grad @ step.ravel()) <= 1e-16 * f:
            break
    f = value(w, x1, y, c)
    w[:, -1] -= w[:, :-1] @ mean
    return w, f


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    bad = ran = 0
    print(f"{'data':32s} {'wiseft':>9s} {'sklearn':>9s} {'equal':>8s} {'coef':>9s}")
    for name, x, y, c in cases():
        with tempfile.TemporaryDirectory() as folder:
            np.savez(os.path.join(folder, "f.npz"), x=x, y=y)
            out = os.path.join(folder, "p.npz")
            done = subprocess.run([args.wiseft, "probe", "fit", os.path.join(folder, "f.npz"), "-o", out, "--json", "--C", str(c)],
                                  capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{name}: {done.stderr}")
            report, z = json.loads(done.stdout), np.load(out)
            ours = np.hstack([z["w"], z["b"][:, None]]).astype(np.float64)
        wide = x.astype(np.float64)
        best, f = newton(ours, wide, y, c)
        x1 = np.hstack([wide, np.ones((len(x), 1))])
        equal = ((x1 @ ours.T).argmax(1) == (x1 @ best.T).argmax(1)).mean()
        coef = np.abs(ours - best)[:, :-1].max() / np.abs(best[:, :-1]).max()
        m = LogisticRegression(C=c, tol=1e-10, max_iter=10000).fit(wide, y)
        theirs = np.hstack([m.coef_, m.intercept_[:, None]])
        gap, other = report["objective"] / f - 1, float("nan")
        if len(theirs) == len(ours):  # of two classes scikit-learn fits another model
            other = value(theirs, x1, y, c) / f - 1
        wrong = not report["converged"] or gap > 1e-8 or gap > other + 1e-12 or equal < 0.999
        print(f"{name:32s} {gap:9.1e} {other:9.1e} {equal:8.4f} {coef:9.1e}{'  WRONG' if wrong else ''}", flush=True)
        bad, ran = bad + wrong, ran + 1
    if bad or ran != 20:
        sys.exit(f"{bad} of {ran} data sets are wrong")


if __name__ == "__main__":
    main()
