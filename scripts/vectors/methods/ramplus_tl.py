from methods._ram import ram, rams


def cases():
    return rams([{"r": 0.1, "alpha": 0.2, "epsilon": 0.1}, {"r": 0.5, "alpha": 2, "epsilon": 0.05}], ram())
