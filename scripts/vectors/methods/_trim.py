import numpy as np


def band(t, low, high):
    """The numbers of the given ranks of magnitude, and what is as large as the first or the last."""
    m = np.abs(t)
    s = np.sort(m, axis=None)
    return t * ((m >= s[low]) & (m <= s[high])) if low <= high else 0 * t


def l1(before, after):
    return after * (np.abs(before).sum() / np.abs(after).sum()) if np.abs(after).sum() > 0 else after
