import numpy as np


def polar(parts):
    u, _, vt = np.linalg.svd(np.concatenate(parts, 1), full_matrices=False)
    return u @ vt
