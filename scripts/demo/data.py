"""Reads the files of scripts/demo/export."""

import json
import pathlib

import numpy as np
import torch


def load(folder, name):
    """Returns points (samples, points, 3) float32, labels (samples,) int64, and the names of the classes."""
    folder = pathlib.Path(folder)
    entry = {s["name"]: s for s in json.loads((folder / "index.json").read_text())}[name]
    shape = (entry["samples"], entry["points"], 3)
    x = np.fromfile(folder / f"{name}.f32", "<f4").reshape(shape)
    y = np.fromfile(folder / f"{name}.i64", "<i8")
    return torch.from_numpy(x), torch.from_numpy(y), entry["classes"]
