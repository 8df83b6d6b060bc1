import numpy as np


def arc(a, b, t, linear=0.9995):
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    cos = float((a * b).sum() / (na * nb)) if na > 0 and nb > 0 else 0.0
    if abs(cos) > linear:
        return (1 - t) * a + t * b
    omega = np.arccos(np.clip(cos, -1, 1))
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)
