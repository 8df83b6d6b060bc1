import numpy as np

from methods._cases import each


def cases():
    return each(4, [{}], lambda src: np.mean(src, 0), 2)
