from methods._della import della


def cases():
    return della(False)
