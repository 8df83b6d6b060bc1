import numpy as np

from methods._arc import arc
from methods._cases import case, each


def cases():
    out = each(2, [{"t": 0.25}, {"t": 0.5}, {"t": 1}], lambda src, t: arc(src[0], src[1], t))
    rng = np.random.default_rng(9)
    a, b = rng.standard_normal((2, 6, 4))
    return out + [
        case({"t": 0.3}, [a, b], arc(a, b, 0.3)),
        case({"t": 0.3}, [a, -a], 0.7 * a - 0.3 * a),
        case({"t": 0.3}, [a, 0 * a], arc(a, 0 * a, 0.3)),
    ]
