"""Compares the time of fitting probes with scikit-learn's, on the same data and cores.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/probe.py --wiseft ./wiseft [--case NAME] [--repeat 3] [--limit 120] [--stride 1]

Needs numpy, scipy and scikit-learn. Both sides take turns, with two threads each. The time
is that of fitting features in memory. It ends for wiseft when the fit has converged with
--tol 1e-3, which guarantees an objective within 1e-6 of the optimum; for scikit-learn at the
first evaluation within 1e-6 (logistic), or with the loosest tolerance that gets there (svc-ovr, svc-ovo).
The optimum is wiseft's at --tol 1e-6. A run of scikit-learn that ends above that, because float32
cannot resolve the rest, or takes longer than --limit seconds, gives a lower bound, shown with ">".
The path is timed as a process, with reading the features, against cold fits of every --stride-th C,
scaled up to all: with scikit-learn's own stopping (100 iterations, far from the optimum where C is
large), and until within 1e-6.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "2"

import numpy as np  # noqa: E402
import sklearn  # noqa: E402
import sklearn.linear_model._logistic as logistic  # noqa: E402
from sklearn.svm import SVC, LinearSVC  # noqa: E402

CASES = {  # name: solver, n, d, k, values of C
    "logistic 10,000 x 768 x 40": ("logistic", 10000, 768, 40, [1.0]),
    "logistic 100,000 x 512 x 10": ("logistic", 100000, 512, 10, [1.0]),
    "svc-ovr 10,000 x 768 x 40": ("svc-ovr", 10000, 768, 40, [1.0]),
    "svc-ovo 4,000 x 256 x 10": ("svc-ovo", 4000, 256, 10, [1.0]),
    "path 10,000 x 768 x 40": ("logistic", 10000, 768, 40, list(np.logspace(-6, 6, 45))),
}


class Reached(Exception):
    pass


def make(n, d, k, seed=0):
    """Features with a spectrum that falls as a power, an offset, and overlapping classes."""
    r = np.random.default_rng(seed)
    spread = np.arange(1, d + 1) ** -0.7 * np.sqrt(d) * 0.5
    turn, _ = np.linalg.qr(r.normal(size=(d, d)))
    y = r.integers(k, size=n)
    x = ((0.35 * r.normal(size=(k, d))[y] + r.normal(size=(n, d))) * spread) @ turn + r.normal(size=d)
    return x.astype(np.float32), y.astype(np.int64)


def wiseft(args, features, solver, c, tol, folder, extra=()):
    out = os.path.join(folder, "p.npz")
    command = [args.wiseft, "probe", "fit", features, "-o", out, "--force", "--json", "--solver", solver,
               "--C", str(c), "--tol", str(tol), *extra]
    start = time.time()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "GOMAXPROCS": "2"})
    if done.returncode:
        sys.exit(done.stderr)
    report = json.loads(done.stdout)
    return (report["seconds"] if not extra else time.time() - start), report["objective"]


def sk_logistic(x, y, c, goal, limit):
    """Seconds until scikit-learn's objective is at most goal, and whether it got there."""
    original, start = logistic.optimize.minimize, time.time()

    def minimize(func, *a, **kw):
        def watched(*b):
            f, g = func(*b)
            if f * c * len(x) <= goal or time.time() - start > limit:
                raise Reached(f * c * len(x) <= goal)
            return f, g
        return original(watched, *a, **kw)

    logistic.optimize.minimize = minimize
    try:
        logistic.LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(x, y)
        return time.time() - start, False
    except Reached as reached:
        return time.time() - start, reached.args[0]
    finally:
        logistic.optimize.minimize = original


def sk_svc(x, y, c, goal, limit):
    seconds = 0.0
    for tol in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7]:
        start = time.time()
        m = LinearSVC(C=c, tol=tol, max_iter=100000).fit(x, y)
        seconds = time.time() - start
        s = x.astype(np.float64) @ m.coef_.T + m.intercept_
        slack = np.maximum(0, 1 - np.where(y[:, None] == m.classes_, 1, -1) * s)
        f = c * (slack**2).sum() + 0.5 * (m.coef_**2).sum() + 0.5 * (m.intercept_**2).sum()
        if f <= goal:
            return seconds, True
        if seconds > limit:
            break
    return seconds, False


def sk_svc_ovo(x, y, c, goal, limit):
    seconds, wide = 0.0, x.astype(np.float64)
    for tol in [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9]:
        start = time.time()
        m = SVC(C=c, kernel="linear", tol=tol, cache_size=1000).fit(x, y)
        seconds, f, pair = time.time() - start, 0.0, 0
        for i in range(len(m.classes_)):
            for j in range(i + 1, len(m.classes_)):
                rows = (y == i) | (y == j)
                slack = np.maximum(0, 1 - np.where(y[rows] == i, 1, -1) * (wide[rows] @ m.coef_[pair] + m.intercept_[pair]))
                f, pair = f + c * slack.sum() + 0.5 * (m.coef_[pair] ** 2).sum(), pair + 1
        if f <= goal:
            return seconds, True
        if seconds > limit:
            break
    return seconds, False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--case", default="")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120)
    parser.add_argument("--stride", type=int, default=1)
    args = parser.parse_args()
    print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}; seconds, each run")
    for name, (solver, n, d, k, cs) in CASES.items():
        if args.case not in name:
            continue
        x, y = make(n, d, k)
        with tempfile.TemporaryDirectory() as folder:
            run(args, name, solver, x, y, cs, folder)


def run(args, name, solver, x, y, cs, folder):
    features = os.path.join(folder, "f.npz")
    np.savez(features, x=x, y=y)
    if len(cs) > 1:
        run_path(args, name, x, y, cs, folder, features)
        return
    best = wiseft(args, features, solver, cs[0], 1e-6, folder)[1]
    theirs_of = {"logistic": sk_logistic, "svc-ovr": sk_svc, "svc-ovo": sk_svc_ovo}[solver]
    for _ in range(args.repeat):
        ours, f = wiseft(args, features, solver, cs[0], 1e-3, folder)
        assert f <= best * (1 + 1e-6), (f, best)
        theirs, reached = theirs_of(x, y, cs[0], best * (1 + 1e-6), args.limit)
        more = "" if reached else ">"
        print(f"{name:30s} wiseft {ours:8.2f}  scikit-learn {more}{theirs:8.2f}  ratio {more}{theirs / ours:6.1f}", flush=True)


def run_path(args, name, x, y, cs, folder, features):
    """wiseft's whole path, before and after scikit-learn's cold fits of every --stride-th C."""
    val = os.path.join(folder, "v.npz")  # 100 rows, scored in negligible time
    np.savez(val, x=x[:100], y=y[:100])
    tried = cs[args.stride // 2::args.stride]
    share = len(tried) / len(cs)

    def ours():
        return wiseft(args, features, "logistic", f"{cs[0]}:{cs[-1]}:{len(cs)}log", 1e-3, folder, ("--val", val))[0]

    for _ in range(args.repeat):
        first, default, equal, all_reached = ours(), 0.0, 0.0, True
        for c in tried:
            goal = wiseft(args, features, "logistic", c, 1e-6, folder)[1] * (1 + 1e-6)
            start = time.time()
            logistic.LogisticRegression(C=c).fit(x, y)
            default += time.time() - start
            seconds, reached = sk_logistic(x, y, c, goal, args.limit)
            equal, all_reached = equal + seconds, all_reached and reached
            print(f"  C {c:<10.4g} by default {time.time() - start - seconds:8.2f}  within 1e-6 {'' if reached else '>'}{seconds:8.2f}", flush=True)
        mean = (first + ours()) / 2
        more = "" if all_reached else ">"
        print(f"{name:30s} wiseft {mean:8.2f}  scikit-learn, {len(tried)} of {len(cs)} values of C scaled up: "
              f"by default {default / share:8.2f}, ratio {default / share / mean:6.1f}; "
              f"within 1e-6 {more}{equal / share:8.2f}, ratio {more}{equal / share / mean:6.1f}", flush=True)


if __name__ == "__main__":
    main()
