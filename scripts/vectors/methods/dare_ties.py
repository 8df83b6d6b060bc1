from methods._dare import dare


def cases():
    return dare(True)
