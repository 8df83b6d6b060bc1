"""Data of two kinds, each in two domains.

digits: scikit-learn's 8 x 8 digits (UCI, Optical Recognition of Handwritten Digits). In the domain target they are
    turned by 45 degrees, with noise.
clouds: the ten indoor classes of datasets/shapes. Domain base is CAD, domain target is scans.
"""

import json
import pathlib

import numpy as np
import torch
from scipy import ndimage
from sklearn.datasets import load_digits

TEST_DIGITS = 500
POINTS = 128


def load(kind, folder):
    """Returns {(domain, split): (x float32, y int64)}; folder has the clouds, and is not read for digits."""
    return digits() if kind == "digits" else clouds(pathlib.Path(folder))


def digits():
    """Values are multiples of 1/16 from 0 to 1, in both domains."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).reshape(-1, 1, 8, 8), y[order]
    noise = np.random.default_rng(1).normal(0, 0.2, x.shape)
    turned = ndimage.rotate(x, 45, axes=(2, 3), reshape=False, order=1) + noise
    turned = np.round(turned.clip(0, 1) * 16) / 16
    sets = {}
    for domain, values in (("base", x), ("target", turned)):
        sets[domain, "test"] = values[:TEST_DIGITS].astype(np.float32), y[:TEST_DIGITS]
        sets[domain, "train"] = values[TEST_DIGITS:].astype(np.float32), y[TEST_DIGITS:]
    return sets


def clouds(folder):
    """Clouds of POINTS points, as `go run ./scripts/demo/export` wrote them into folder/train and folder/test."""
    sets = {}
    for split in ("train", "test"):
        index = {s["name"]: s for s in json.loads((folder / split / "index.json").read_text())}
        indoor = index[f"scan_{split}"]["classes"]
        for domain, name in (("base", f"cad_{split}"), ("target", f"scan_{split}")):
            entry = index[name]
            x = np.fromfile(folder / split / f"{name}.f32", "<f4").reshape(entry["samples"], entry["points"], 3)
            y = np.fromfile(folder / split / f"{name}.i64", "<i8")
            label = np.array([indoor.index(c) if c in indoor else -1 for c in entry["classes"]])[y]
            sets[domain, split] = x[label >= 0, :POINTS], label[label >= 0]
    return sets


def shifted(x):
    """Digits moved by up to a pixel in each direction."""
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(x, (dy, dx), (2, 3))


def turned(x):
    """Clouds turned by up to 30 degrees about the vertical axis, with noise."""
    angle = (torch.rand(len(x)) - 0.5) * (np.pi / 3)
    sin, cos, zero, one = angle.sin(), angle.cos(), torch.zeros(len(x)), torch.ones(len(x))
    matrix = torch.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], 1).view(-1, 3, 3)
    return x @ matrix + 0.02 * torch.randn_like(x)
