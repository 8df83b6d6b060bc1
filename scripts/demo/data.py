"""Reads the files of scripts/demo/export, and augments batches of clouds."""

import json
import math
import pathlib

import numpy as np
import torch


def load(folder, name):
    """Returns points (samples, points, 3) float32, labels (samples,) int64, and the index entry."""
    folder = pathlib.Path(folder)
    entry = {s["name"]: s for s in json.loads((folder / "index.json").read_text())}[name]
    shape = (entry["samples"], entry["points"], 3)
    x = np.fromfile(folder / f"{name}.f32", "<f4").reshape(shape)
    y = np.fromfile(folder / f"{name}.i64", "<i8")
    return torch.from_numpy(x), torch.from_numpy(y), entry


def uniform(lo, hi, *shape):
    return lo + (hi - lo) * torch.rand(*shape)


def rotation(angles):
    """Rotation matrices (batch, 3, 3) from angles about x, y and z (batch, 3)."""
    matrix = torch.eye(3).expand(len(angles), 3, 3)
    for axis in range(3):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = torch.eye(3).repeat(len(angles), 1, 1)
        sin, cos = angles[:, axis].sin(), angles[:, axis].cos()
        turn[:, i, i], turn[:, j, j], turn[:, i, j], turn[:, j, i] = cos, cos, -sin, sin
        matrix = turn @ matrix
    return matrix


def to_unit_sphere(x):
    x = x - x.mean(1, keepdim=True)
    return x / x.norm(dim=2).amax(1)[:, None, None]


def yaw(x):
    """The fine-tuning's only augmentation: a random rotation about the vertical axis."""
    angles = torch.zeros(len(x), 3)
    angles[:, 1] = uniform(0, 2 * math.pi, len(x))
    return x @ rotation(angles)


def wild(x):
    """The pre-training's augmentation, for robustness: a batch of (batch, many, 3)
    becomes clouds of one random smaller number of points, cut by a plane,
    stretched, tilted, rotated, noisy, and with up to 15 % of its points displaced."""
    batch, many, _ = x.shape
    points = int(torch.randint(64, 257, ()))
    # A plane cuts off up to 60 % of each cloud; then points are drawn from the rest.
    normal = torch.nn.functional.normalize(torch.randn(batch, 3, 1), dim=1)
    order = (x @ normal)[:, :, 0].argsort(1)
    start = uniform(0, 0.6, batch, 1) * (torch.rand(batch, 1) < 0.7)
    pick = ((start + (1 - start) * torch.rand(batch, points)) * many).long().clamp(max=many - 1)
    x = x.gather(1, order.gather(1, pick)[:, :, None].expand(-1, -1, 3))
    x = to_unit_sphere(x) * uniform(0.8, 1.2, batch, 1, 1)
    x = x * torch.exp(uniform(-0.4, 0.4, batch, 1, 3))
    angles = uniform(-0.5, 0.5, batch, 3)
    angles[:, 1] = uniform(0, 2 * math.pi, batch)
    x = x @ rotation(angles)
    x = x + torch.randn_like(x) * uniform(0, 0.05, batch, 1, 1)
    stray = int(points * 0.15 * torch.rand(()))
    x[:, :stray] = uniform(-1, 1, batch, stray, 3)
    return x
