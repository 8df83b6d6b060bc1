"""Writes onnxmerge/method/testdata/<method>.json: inputs and outputs of each merge method, computed by numpy.

Run from the repository's root: python scripts/vectors/merge.py   (numpy 1.26.4; see requirements.txt)
Numbers are the bits of float64 in hexadecimal, so that nothing is lost in print. The formulas are those of the papers, written
for clarity on whole arrays; the Go code works on blocks and on scalar products. "ulp" is how far results may be apart, in units of the last
place of the largest number: 0 where the order of operations is the same.
"""
import hashlib
import json
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def bits(x):
    return [f"{v:016x}" for v in np.asarray(x, np.float64).ravel().view(np.uint64)]


def special():
    return np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e-45, 1.5e308, -1.5e308, 0.1])


def models(seed, count, shape):
    """A base and changed copies of it, as float32 has them."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal(shape)
    return [m.astype(np.float32).astype(np.float64) for m in [base] + [base + 0.1 * rng.standard_normal(shape) for _ in range(count - 1)]]


def case(params, src, want, ulp=64, depth=0.0):
    dims = list(np.shape(src[0]))
    return {"params": params, "dims": dims, "depth": depth, "ulp": ulp, "models": [bits(m) for m in src], "want": bits(want)}


SHAPES = [(1,), (2,), (9,), (6, 4), (3, 1), (4, 3, 2, 2)]


def each(count, params, formula, ulp=64, shapes=SHAPES):
    """A case for every shape and set of parameters."""
    out = []
    for i, shape in enumerate(shapes):
        for p in params:
            src = models(i, count, shape)
            out.append(case(p, src, formula(src, **p), ulp))
    return out


def linear():
    rng = np.random.default_rng(0)
    cases = []
    for n in [0, 1, 7, 8, 9, 64]:
        a, b = rng.standard_normal((2, n)).astype(np.float32).astype(np.float64)
        for alpha in [0.1, 0.25, 0.5, 0.9]:
            cases.append((alpha, a, b))
    for alpha in [0.3, 0.5]:
        a, b = np.meshgrid(special(), special())
        cases.append((alpha, a.ravel(), b.ravel()))
    with np.errstate(all="ignore"):
        out = [case({"alpha": alpha}, [a, b], (1 - alpha) * a + alpha * b, 0) for alpha, a, b in cases]

    def average(src, weight, normalize=True):
        total = sum(weight) if normalize else 1
        return sum(w / total * m for w, m in zip(weight, src))

    out += each(3, [{"weight": [1, 2, 0.5]}, {"weight": [1, 2, -0.5], "normalize": False}], average, 2)
    return out + each(4, [{"alpha": 0.3}, {"alpha": 1}], lambda src, alpha: (1 - alpha) * src[0] + alpha * np.mean(src[1:], 0), 4)


def uniform_soup():
    return each(4, [{}], lambda src: np.mean(src, 0), 2)


def task_arithmetic():
    def f(src, weight=(1, 1), normalize=False, **p):
        total = sum(weight) if normalize else 1
        return src[0] + p.get("lambda", 1) * sum(w / total * (m - src[0]) for w, m in zip(weight, src[1:]))

    return each(3, [{}, {"lambda": 0.4}, {"weight": [1, -0.5]}, {"weight": [1, 3], "normalize": True}], f, 4)


def lines():
    out = []
    for depth in [0.0, 0.25, 1.0]:
        src = models(3, 3, (6, 4))
        want = src[0] + (0.1 + 0.9 * depth) * (src[1] - src[0] + src[2] - src[0])
        out.append(case({"alpha": 0.1, "beta": 0.9}, src, want, 4, depth))
    return out


def nearswap():
    def f(src, t):
        d = np.abs(src[1] - src[0])
        s = np.clip(np.divide(t, d, out=np.ones_like(d), where=d > 0), 0, 1)
        return (1 - s) * src[0] + s * src[1]

    return each(2, [{"t": 0.001}, {"t": 0.05}], f, 2)


def ram(r=None):
    def f(src, epsilon=1e-5, r=0.0, alpha=0.0):
        tau = np.array(src[1:]) - src[0]
        mask = np.abs(tau) > epsilon
        count = mask.sum(0)
        shared = (mask & (count > 1)).reshape(len(tau), -1).sum(1)
        unique = (mask & (count == 1)).reshape(len(tau), -1).sum(1)
        factor = 1 + r * np.minimum(shared / np.maximum(unique, epsilon), alpha)
        factor = factor.reshape((-1,) + (1,) * (tau.ndim - 1))
        return src[0] + (tau * mask * np.where(count == 1, factor, 1 / np.maximum(count, 1))).sum(0)

    return f


def rams(params, f):
    return each(3, params, f, 8)


def fisher():
    out = []
    for floor, smooth, weight, normalize in [(1e-8, 0, [1, 1], "none"), (0.5, 0, [0.3, 0.7], "none"), (1e-8, 0.1, [2, 1], "none"),
                                             (1e-8, 0, [1, 1], "tensor"), (1e-8, 0.1, [2, 1], "model")]:
        src = models(4, 2, (6, 4)) + [m * m for m in models(5, 2, (6, 4))]
        src[3] = src[3] * 100
        c = weight if normalize == "none" else [w / (np.sqrt((x * x).sum()) + smooth) for w, x in zip(weight, src[2:])]
        f = [w * np.maximum(x + smooth, floor) for w, x in zip(c, src[2:])]
        out.append(case({"floor": floor, "smooth": smooth, "weight": weight, "normalize": normalize}, src, (f[0] * src[0] + f[1] * src[1]) / (f[0] + f[1]), 8))
    return out


def arc(a, b, t, linear=0.9995):
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    cos = float((a * b).sum() / (na * nb)) if na > 0 and nb > 0 else 0.0
    if abs(cos) > linear:
        return (1 - t) * a + t * b
    omega = np.arccos(np.clip(cos, -1, 1))
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)


def slerp():
    out = each(2, [{"t": 0.25}, {"t": 0.5}, {"t": 1}], lambda src, t: arc(src[0], src[1], t))
    rng = np.random.default_rng(9)
    a, b = rng.standard_normal((2, 6, 4))
    return out + [case({"t": 0.3}, [a, b], arc(a, b, 0.3)), case({"t": 0.3}, [a, -a], 0.7 * a - 0.3 * a), case({"t": 0.3}, [a, 0 * a], arc(a, 0 * a, 0.3))]


def nuslerp():
    def along(a, b, t, axis):
        if axis == "tensor":
            return arc(a, b, t, 1 - 1e-14)
        last = a.ndim - 1 if axis == "rows" else 0
        out = np.empty_like(a)
        for i in np.ndindex(*np.delete(a.shape, last)):
            at = i[:last] + (slice(None),) + i[last:]
            out[at] = arc(a[at], b[at], t, 1 - 1e-14)
        return out

    out = []
    rng = np.random.default_rng(10)
    for shape in [(6, 4), (9,), (3, 4, 2)]:
        a, b, c = rng.standard_normal((3,) + shape)
        for axis in ["tensor", "rows", "columns"]:
            out.append(case({"weight": [1, 3], "axis": axis}, [a, b], along(a, b, 0.75, axis), 256))
            out.append(case({"weight": [0, 1, 3], "axis": axis, "base": True}, [c, a, b], c + along(a - c, b - c, 0.75, axis), 256))
    return out


def multislerp():
    def f(src, weight, base, normalize=True):
        origin = src[0] if base else 0
        v = [m - origin for m in src][1 if base else 0 :]
        w = np.array(weight[1 if base else 0 :], float)
        w = w / w.sum() if normalize else w
        n = [np.linalg.norm(x) for x in v]
        m = sum(wi * x / ni for wi, x, ni in zip(w, v, n))
        return origin + (w * n).sum() * m / np.linalg.norm(m)

    return each(3, [{"weight": [1, 1, 2], "base": False}, {"weight": [0, 1, 2], "base": True}, {"weight": [3, 1, 0.5], "base": False, "normalize": False}], f, 256, SHAPES[2:])


def karcher():
    def f(src, max_iter, tol):
        n = np.array([np.linalg.norm(x) for x in src])
        u = [x / ni for x, ni in zip(src, n)]
        m = sum(u)
        m /= np.linalg.norm(m)
        for _ in range(max_iter):
            step = 0
            for x in u:
                cos = np.clip((x * m).sum(), -1, 1)
                angle = np.arccos(cos)
                if angle > 1e-8:
                    step = step + angle / np.sin(angle) * (x - cos * m) / len(u)
            length = np.linalg.norm(step)
            if length < tol:
                break
            m = np.cos(length) * m + np.sin(length) * step / length
            m /= np.linalg.norm(m)
        return n.mean() * m

    out = []
    rng = np.random.default_rng(11)
    for shape in [(9,), (6, 4)]:
        src = list(rng.standard_normal((4,) + shape) + 0.5)
        for p in [{"max_iter": 1, "tol": 0}, {"max_iter": 10, "tol": 1e-5}, {"max_iter": 100, "tol": 1e-9}]:
            out.append(case(p, src, f(src, **p), 4096))
    return out


def geometric_median():
    def f(src, max_iter, tol=0.0):
        x = np.mean(src, 0)
        for _ in range(max_iter):
            w = [1 / np.linalg.norm(x - m) for m in src]
            x = sum(wi * m for wi, m in zip(w, src)) / sum(w)
        return x

    out = []
    for p in [{"max_iter": 1, "tol": 0}, {"max_iter": 5, "tol": 0}]:
        for shape in [(9,), (6, 4)]:
            src = models(12, 4, shape)
            out.append(case(p, src, f(src, **p), 4096))
    return out


def model_stock():
    def whole(tau):
        n = len(tau)
        cos = [(tau[i] * tau[j]).sum() / np.linalg.norm(tau[i]) / np.linalg.norm(tau[j]) for i in range(n) for j in range(i + 1, n)]
        c = np.mean(cos)
        return max(0.0, n * c / (1 + (n - 1) * c)) * np.mean(tau, 0) if c > 0 else np.zeros_like(tau[0])

    def f(src, filter_wise=False):
        tau = np.array(src[1:]) - src[0]
        if not filter_wise:
            return src[0] + whole(tau)
        flat = tau.reshape(len(tau), -1, tau.shape[-1])
        return src[0] + np.stack([whole(flat[:, i]) for i in range(flat.shape[1])]).reshape(src[0].shape)

    return each(3, [{}, {"filter_wise": True}], f, 4096, SHAPES[2:4]) + each(5, [{}], f, 4096, SHAPES[2:4])


def vote(tau, weight, normalize):
    w = np.array(weight).reshape((-1,) + (1,) * (tau.ndim - 1))
    x = tau * w
    agree = np.sign(x) == np.where(x.sum(0) >= 0, 1, -1)
    total = (x * agree).sum(0)
    if normalize:
        share = (w * agree).sum(0)
        total = total / np.where(share == 0, 1, share)
    return total


def band(t, low, high):
    """The numbers of the given ranks of magnitude, and what is as large as the first or the last."""
    m = np.abs(t)
    s = np.sort(m, axis=None)
    return t * ((m >= s[low]) & (m <= s[high])) if low <= high else 0 * t


def l1(before, after):
    return after * (np.abs(before).sum() / np.abs(after).sum()) if np.abs(after).sum() > 0 else after


def ties():
    def f(src, density, merge="mean", **p):
        tau = np.array(src[1:]) - src[0]
        kept = np.array([band(t, t.size - int(density * t.size), t.size - 1) for t in tau])
        sign = np.sign(kept.sum(0))
        majority = -1 if np.sign(sign.sum()) < 0 else 1
        sign = np.where(sign == 0, majority, sign)
        agree = kept * (np.sign(kept) == sign)
        count = np.maximum((agree != 0).sum(0), 1)
        merged = {"mean": agree.sum(0) / count, "sum": agree.sum(0), "max": sign * np.abs(agree).max(0)}[merge]
        return src[0] + p.get("lambda", 1) * merged

    return each(4, [{"density": 0.5}, {"density": 0.2, "merge": "sum", "lambda": 0.4}, {"density": 1, "merge": "max"}], f, 4, SHAPES[2:])


def ties_per_tensor():
    def f(src, density, weight=(1, 1, 1), normalize=True, rescale="none", **p):
        tau = np.array(src[1:]) - src[0]
        kept = np.array([band(t, t.size - max(1, int(density * t.size)), t.size - 1) for t in tau])
        if rescale == "l1":
            kept = np.array([l1(t, k) for t, k in zip(tau, kept)])
        return src[0] + p.get("lambda", 1) * vote(kept, weight, normalize)

    return each(4, [{"density": 0.5}, {"density": 0.2, "weight": [1, 0.5, 0.25]}, {"density": 0.5, "rescale": "l1", "normalize": False, "lambda": 0.4}], f, 64)


def breadcrumbs(voting):
    def f(src, density, gamma, weight=(1, 1, 1)):
        tau = np.array(src[1:]) - src[0]
        n = tau[0].size
        stay = int(density * n)
        low = max(0, n - stay - int(gamma * n))
        kept = np.array([band(t, low, low + stay - 1) for t in tau])
        if voting:
            return src[0] + vote(kept, weight, False)
        return src[0] + sum(w * k for w, k in zip(weight, kept))

    return each(4, [{"density": 0.5, "gamma": 0.2}, {"density": 0.9, "gamma": 0.3, "weight": [1, 0.8, 0.6]}], f, 4)


def uniform(seed, tensor, model, shape):
    """numpy has the generator itself; it counts up before it draws."""
    digest = hashlib.sha256(seed.to_bytes(8, "little") + model.to_bytes(8, "little") + tensor.encode()).digest()
    k0, k1, c2, c3 = (int.from_bytes(digest[8 * i : 8 * i + 8], "little") for i in range(4))
    n = int(np.prod(shape))
    before = ((c3 << 192) + (c2 << 128) - 1) % (1 << 256)
    raw = np.random.Philox(key=k0 + (k1 << 64), counter=before).random_raw((n + 7) // 8 * 4)
    return raw.astype("<u8").view("<u4")[:n].reshape(shape) / 2.0**32


def dare(voting):
    def f(src, density, seed=0, rescale="density", weight=(1, 1)):
        out = []
        for m, x in enumerate(src[1:]):
            tau = x - src[0]
            kept = tau * (uniform(seed, "w", m, tau.shape) < density)
            out.append({"density": kept / density, "l1": l1(tau, kept), "none": kept}[rescale])
        if voting:
            return src[0] + vote(np.array(out), weight, False)
        return src[0] + sum(w * k for w, k in zip(weight, out))

    return each(3, [{"density": 0.5}, {"density": 0.3, "seed": 7, "rescale": "l1"}, {"density": 0.7, "rescale": "none", "weight": [1, 0.4]}], f, 64)


def della(voting):
    def f(src, density, epsilon, seed=0, rescale="density"):
        out = []
        for m, x in enumerate(src[1:]):
            tau = x - src[0]
            rows = tau if tau.ndim > 1 else tau[None]
            rank = np.abs(rows).argsort(1, kind="stable").argsort(1, kind="stable")
            share = rank / (rows.shape[1] - 1) if rows.shape[1] > 1 else np.full(rows.shape, 0.5)
            p = (density - epsilon + share * 2 * epsilon).reshape(tau.shape)
            kept = tau * (uniform(seed, "w", m, tau.shape) < p)
            out.append({"density": kept / p, "l1": l1(tau, kept), "none": kept}[rescale])
        return src[0] + (vote(np.array(out), (1, 1), True) if voting else sum(out))

    return each(3, [{"density": 0.5, "epsilon": 0.15}, {"density": 0.3, "epsilon": 0.1, "seed": 3, "rescale": "l1"}, {"density": 0.6, "epsilon": 0.2, "rescale": "none"}], f, 64)


def sce():
    def f(src, select_topk):
        tau = np.array(src[1:]) - src[0]
        var = tau.var(0)
        k = int(np.count_nonzero(var) * select_topk)
        if k == 0:
            return src[0]
        tau = tau * (var >= np.sort(var, axis=None)[-k])
        w = (tau * tau).reshape(len(tau), -1).sum(1)
        w = (w / w.sum()).reshape((-1,) + (1,) * (tau.ndim - 1))
        agree = np.sign(tau) == np.where(tau.sum(0) >= 0, 1, -1)
        share = (w * agree).sum(0)
        return src[0] + (tau * w * agree).sum(0) / np.where(share == 0, 1, share)

    return each(4, [{"select_topk": 0.5}, {"select_topk": 0.1}], f, 64) + each(4, [{"select_topk": 1}], f, 64)


def arcee_fusion():
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


def iso_c():
    def f(src, **p):
        tau = np.array(src[1:]) - src[0]
        scale = p.get("lambda", 1)
        if tau[0].ndim != 2:
            return src[0] + scale * tau.mean(0)
        u, s, vt = np.linalg.svd(tau.sum(0), full_matrices=False)
        return src[0] + scale * s.mean() * u @ vt

    return each(3, [{}, {"lambda": 0.5}], f, 4096)


def polar(parts):
    u, _, vt = np.linalg.svd(np.concatenate(parts, 1), full_matrices=False)
    return u @ vt


def iso_cts():
    def f(src, common=0.8, **p):
        tau = np.array(src[1:]) - src[0]
        scale = p.get("lambda", 1)
        if tau[0].ndim != 2:
            return src[0] + scale * tau.mean(0)
        rank = min(tau[0].shape)
        own = min(round((rank - int(rank * common)) / len(tau)), rank // len(tau))
        k = rank - own * len(tau)
        u, s, vt = np.linalg.svd(tau.sum(0), full_matrices=False)
        us, ss, vs = [u[:, :k]], [s[:k]], [vt[:k].T]
        for t in tau:
            ut, st, vtt = np.linalg.svd(t - u[:, :k] @ u[:, :k].T @ t, full_matrices=False)
            us.append(ut[:, :own])
            ss.append(st[:own])
            vs.append(vtt[:own].T)
        return src[0] + scale * np.concatenate(ss).mean() * polar(us) @ polar(vs).T

    return each(3, [{}, {"lambda": 0.5, "common": 0.3}], f, 65536, SHAPES + [(12, 7), (5, 16)])


def tsv():
    def f(src, **p):
        tau = np.array(src[1:]) - src[0]
        scale = p.get("lambda", 1)
        if tau[0].ndim != 2 or min(tau[0].shape) < len(tau):
            return src[0] + scale * tau.mean(0)
        k = min(tau[0].shape) // len(tau)
        us, ss, vs = [], [], []
        for t in tau:
            u, s, vt = np.linalg.svd(t, full_matrices=False)
            us.append(u[:, :k])
            ss.append(s[:k])
            vs.append(vt[:k].T)
        return src[0] + scale * polar(us) @ np.diag(np.concatenate(ss)) @ polar(vs).T

    return each(3, [{}, {"lambda": 0.5}], f, 65536, SHAPES + [(12, 7), (5, 16)])


METHODS = {
    "linear": linear, "uniform_soup": uniform_soup, "task_arithmetic": task_arithmetic, "lines": lines, "nearswap": nearswap,
    "ram": lambda: rams([{"epsilon": 1e-5}, {"epsilon": 0.1}], ram()),
    "ramplus_tl": lambda: rams([{"r": 0.1, "alpha": 0.2, "epsilon": 0.1}, {"r": 0.5, "alpha": 2, "epsilon": 0.05}], ram()),
    "fisher": fisher, "slerp": slerp, "nuslerp": nuslerp, "multislerp": multislerp, "karcher": karcher, "geometric_median": geometric_median,
    "model_stock": model_stock, "ties": ties, "ties_per_tensor": ties_per_tensor, "breadcrumbs": lambda: breadcrumbs(False),
    "breadcrumbs_ties": lambda: breadcrumbs(True), "dare_linear": lambda: dare(False), "dare_ties": lambda: dare(True),
    "della_linear": lambda: della(False), "della": lambda: della(True), "sce": sce, "arcee_fusion": arcee_fusion, "iso_c": iso_c, "iso_cts": iso_cts, "tsv": tsv,
}


def main():
    script = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    for name, make in METHODS.items():
        doc = {"made_by": {"script_sha256": script, "numpy": np.__version__}, "cases": make()}
        path = ROOT / "onnxmerge/method/testdata" / f"{name}.json"
        path.write_text(json.dumps(doc, separators=(",", ":")).replace('{"params"', '\n{"params"') + "\n")


if __name__ == "__main__":
    main()
