import numpy as np

from methods._arc import arc
from methods._cases import case


def cases():
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
            out.append(
                case(
                    {"weight": [0, 1, 3], "axis": axis, "base": True},
                    [c, a, b],
                    c + along(a - c, b - c, 0.75, axis),
                    256,
                )
            )
    return out
