"""One fit by scikit-learn or PyTorch, in a process of its own; a part of fits.py.

    python fits_theirs.py '{"features": "f.npz", "solver": "logistic", "method": "lbfgs float32", "C": 1, ...}'

Prints seconds, processor seconds, iterations, peak memory beyond the loaded data, and whether the goal was reached.
"""

import json
import resource
import sys
import time
import warnings

import numpy as np


class Reached(Exception):
    pass


class Clock:
    """Stops a fit at the first evaluation at most goal, or after limit seconds of the processor."""

    def __init__(self, goal, limit):
        self.goal, self.limit, self.evaluations = goal, limit, 0
        self.start, self.cpu, self.reached = time.perf_counter(), time.process_time(), False

    def watch(self, value):
        self.evaluations += 1
        self.reached = value <= self.goal
        if self.reached or time.process_time() - self.cpu > self.limit:
            raise Reached

    def report(self):
        return {"seconds": time.perf_counter() - self.start, "processor": time.process_time() - self.cpu,
                "iterations": self.evaluations, "reached": bool(self.reached)}


def logistic(x, y, job):
    import sklearn.linear_model._logistic as module

    solver = job["method"].split()[0]
    size, minimize, newton = job["C"] * len(x), module.optimize.minimize, module._newton_cg

    def watched_minimize(func, *a, **kw):
        def watched(*b):
            f, g = func(*b)
            clock.watch(f * size)
            return f, g
        return minimize(watched, *a, **kw)

    def watched_newton(grad_hess, func, grad, x0, args, **kw):
        def watched(w, *b):
            clock.watch(func(w, *b) * size)
            return grad_hess(w, *b)
        return newton(watched, func, grad, x0, args=args, **kw)

    module.optimize.minimize, module._newton_cg = watched_minimize, watched_newton
    clock = Clock(job["goal"], job["limit"])
    try:
        module.LogisticRegression(C=job["C"], solver=solver, tol=1e-12, max_iter=100000).fit(x, y)
    except Reached:
        pass
    return clock.report()


def by_tolerance(fit, objective, tolerances, job):
    """The loosest tolerance that reaches the goal; the time is that of its fit alone."""
    for tol in tolerances:
        clock = Clock(job["goal"], job["limit"])
        model = fit(tol)
        report = clock.report()
        report["reached"] = bool(objective(model) <= job["goal"])
        report["iterations"] = int(np.max(model.n_iter_))
        if report["reached"] or report["processor"] > job["limit"]:
            break
    return report


def svc_ovr(x, y, job):
    from sklearn.svm import LinearSVC

    def objective(m):
        s = x.astype(np.float64) @ m.coef_.T + m.intercept_
        slack = np.maximum(0, 1 - np.where(y[:, None] == m.classes_, 1, -1) * s)
        return job["C"] * (slack**2).sum() + 0.5 * (m.coef_**2).sum() + 0.5 * (m.intercept_**2).sum()

    primal = "primal" in job["method"]
    return by_tolerance(lambda tol: LinearSVC(C=job["C"], tol=tol, max_iter=100000, dual=not primal).fit(x, y), objective,
                        [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6], job)


def svc_ovo(x, y, job):
    from sklearn.svm import SVC

    wide, sign = x.astype(np.float64), {}

    def objective(m):
        f, pair = 0.0, 0
        for i in range(len(m.classes_)):
            for j in range(i + 1, len(m.classes_)):
                rows = (y == i) | (y == j)
                sign = np.where(y[rows] == i, 1, -1)
                slack = np.maximum(0, 1 - sign * (wide[rows] @ m.coef_[pair] + m.intercept_[pair]))
                f, pair = f + job["C"] * slack.sum() + 0.5 * (m.coef_[pair] ** 2).sum(), pair + 1
        return f

    return by_tolerance(lambda tol: SVC(C=job["C"], kernel="linear", tol=tol, cache_size=1000).fit(x, y), objective,
                        [1e-2, 1e-3, 1e-4, 1e-5, 1e-6], job)


def ridge(x, y, job):
    from sklearn.linear_model import RidgeClassifier

    clock = Clock(job["goal"], job["limit"])
    m = RidgeClassifier(alpha=1 / job["C"], solver=job["method"].split()[0]).fit(x, y)
    report = clock.report()
    target = np.where(y[:, None] == m.classes_, 1, -1)
    f = 0.5 * job["C"] * ((x.astype(np.float64) @ m.coef_.T + m.intercept_ - target) ** 2).sum() + 0.5 * (m.coef_**2).sum()
    report.update(reached=bool(f <= job["goal"]), iterations=1)
    return report


def knn(x, y, job):
    from sklearn.neighbors import KNeighborsClassifier

    clock = Clock(0, job["limit"])
    KNeighborsClassifier(n_neighbors=5).fit(x, y).score(x, y)
    report = clock.report()
    report.update(reached=True, iterations=1)
    return report


def mlp(x, y, job):
    """The network, batches and schedule of the solver mlp, by PyTorch."""
    import torch

    torch.set_num_threads(job["threads"])
    x, y, k = torch.from_numpy(x), torch.from_numpy(y), int(y.max()) + 1
    n, epochs, batch = len(x), job["epochs"], 64
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 256, bias=False), torch.nn.BatchNorm1d(256), torch.nn.ReLU(),
                              torch.nn.Linear(256, k))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    steps = epochs * -(-n // batch)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    clock = Clock(0, job["limit"])
    for _ in range(epochs):
        order = torch.randperm(n)
        for lo in range(0, n, batch):
            at = order[lo : lo + batch]
            adam.zero_grad()
            penalty = sum((m.weight**2).sum() for m in (net[0], net[3])) / (2 * job["C"] * n)
            (torch.nn.functional.cross_entropy(net(x[at]), y[at]) + penalty).backward()
            adam.step()
            rate.step()
    report = clock.report()
    report.update(reached=True, iterations=epochs)
    return report


def main():
    warnings.filterwarnings("ignore")
    job = json.loads(sys.argv[1])
    with np.load(job["features"]) as z:
        x, y = z["x"], z["y"]
    if "float64" in job["method"]:
        x = x.astype(np.float64)
    fit = {"logistic": logistic, "svc-ovr": svc_ovr, "svc-ovo": svc_ovo, "ridge": ridge, "knn": knn, "mlp": mlp}[job["solver"]]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = fit(x, y, job)
    report["mebibytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps(report))


if __name__ == "__main__":
    main()
