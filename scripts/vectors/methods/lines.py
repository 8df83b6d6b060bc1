from methods._cases import case, models


def cases():
    out = []
    for depth in [0.0, 0.25, 1.0]:
        src = models(3, 3, (6, 4))
        want = src[0] + (0.1 + 0.9 * depth) * (src[1] - src[0] + src[2] - src[0])
        out.append(case({"alpha": 0.1, "beta": 0.9}, src, want, 4, depth))
    return out
