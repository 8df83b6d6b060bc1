from methods._ram import ram, rams


def cases():
    return rams([{"epsilon": 1e-5}, {"epsilon": 0.1}], ram())
