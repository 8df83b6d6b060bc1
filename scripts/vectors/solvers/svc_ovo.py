"""Hinge, one class against one, by sequential minimal optimisation of the dual, most violating pairs first."""

import numpy as np

from solvers._problems import each


def solve(x, y, c, k):
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


def cases():
    return each(solve)
