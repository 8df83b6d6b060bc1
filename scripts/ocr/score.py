"""Scores a text detector's probability maps: the mean over pictures of 2 |P and T| / (|P| + |T|), where P are the pixels
above .3, PaddleOCR's threshold, and T those of the text. For `wiseft ... --score 'python score.py truth.npz'`, which
appends the path of an NPZ file with the array outputs, (n, 1, height, width). Detectors are trained on boxes that are
shrunk, so that P covers less than T where it is right; the figure is for comparing mixes of one pair.
"""

import sys

import numpy as np

THRESHOLD = 0.3


def main():
    truth = np.load(sys.argv[1])["text"] > 0
    found = np.load(sys.argv[2])["outputs"]
    found = found.reshape(len(truth), *truth.shape[1:]) > THRESHOLD
    both = (found & truth).sum((1, 2))
    scores = 2 * both / np.maximum(found.sum((1, 2)) + truth.sum((1, 2)), 1)
    print(f"{scores.mean():.9f}", *(f"{s:.9f}" for s in scores))


if __name__ == "__main__":
    main()
