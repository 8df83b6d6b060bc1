from methods._cases import each


def cases():
    def f(src, weight=(1, 1), normalize=False, **p):
        total = sum(weight) if normalize else 1
        return src[0] + p.get("lambda", 1) * sum(w / total * (m - src[0]) for w, m in zip(weight, src[1:]))

    return each(3, [{}, {"lambda": 0.4}, {"weight": [1, -0.5]}, {"weight": [1, 3], "normalize": True}], f, 4)
