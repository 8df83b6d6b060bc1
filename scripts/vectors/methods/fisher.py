import numpy as np

from methods._cases import case, models


def cases():
    out = []
    for floor, smooth, weight, normalize in [
        (1e-8, 0, [1, 1], "none"),
        (0.5, 0, [0.3, 0.7], "none"),
        (1e-8, 0.1, [2, 1], "none"),
        (1e-8, 0, [1, 1], "tensor"),
        (1e-8, 0.1, [2, 1], "model"),
    ]:
        src = models(4, 2, (6, 4)) + [m * m for m in models(5, 2, (6, 4))]
        src[3] = src[3] * 100
        c = weight if normalize == "none" else [w / (np.sqrt((x * x).sum()) + smooth) for w, x in zip(weight, src[2:])]
        f = [w * np.maximum(x + smooth, floor) for w, x in zip(c, src[2:])]
        out.append(
            case(
                {"floor": floor, "smooth": smooth, "weight": weight, "normalize": normalize},
                src,
                (f[0] * src[0] + f[1] * src[1]) / (f[0] + f[1]),
                8,
            )
        )
    return out
