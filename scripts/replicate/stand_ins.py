"""Stand-ins for the published checkpoints and data sets: their structure, with random weights and random clouds."""

import sys
from pathlib import Path

import h5py
import numpy as np
import torch

sys.path.append(str(Path(__file__).resolve().parent.parent / "export"))

import rule  # noqa: E402
from architectures import ARCHITECTURES, build  # noqa: E402

FILES = {"train": 5, "test": 2}  # HDF5 files of ModelNet40's splits


def checkpoint(path, architecture, config, pretrained):
    """A checkpoint as training writes it: under "base_model", with "module." before every name; of pre-training with
    the prefix of the backbone, and one tensor of each part that only pre-training has. Fine-tuned weights are a third
    of the way from the pre-trained ones to random ones of the file's name."""
    cls = ARCHITECTURES[architecture]
    shapes = {name: t.shape for name, t in build(architecture, config).state_dict().items()}
    tensors = rule.state(shapes.items(), "pretrained/")
    if pretrained:
        gone = (*cls.HEAD, *cls.UNTRAINED)
        tensors = {cls.PREFIX + name: t for name, t in tensors.items() if not name.startswith(gone)}
        tensors |= rule.state([(part + ".weight", (4, 4)) for part in cls.PRETRAINING], "pretrained/")
    else:
        for name, other in rule.state(shapes.items(), f"{path.name}/").items():
            if tensors[name].is_floating_point():
                tensors[name] += (other - tensors[name]) / 3
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"base_model": {"module." + name: t for name, t in tensors.items()}, "epoch": 300}, path)


def clouds(labels, seed):
    """Clouds (n, 2048, 3) float32: ellipsoids, whose axes depend on the class, with noise."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(len(labels), 2048, 3))
    x /= np.linalg.norm(x, axis=2, keepdims=True)
    axes = np.random.default_rng(0).uniform(0.2, 0.57, (40, 3))[labels]
    return (x * axes[:, None] + draw.normal(scale=0.01, size=x.shape)).astype(np.float32)


def scanobjectnn(path, classes, seed):
    """A file of ScanObjectNN with a cloud of each of the first classes: data (n, 2048, 3), label (n,), mask (n, 2048) with
    -1 in the background."""
    labels = np.arange(classes)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as f:
        f["data"] = clouds(labels, seed) + np.float32(0.3)  # not centred, as the originals
        f["label"] = labels.astype(np.int32)
        f["mask"] = np.where(np.arange(2048) < 500, -1, labels[:, None]).astype(np.int32)


def modelnet40(folder, classes, per_class):
    """The folder modelnet40_ply_hdf5_2048 with clouds of the first classes alone, per_class by split: data (n, 2048, 3)
    and label (n, 1), in the files that train_files.txt and test_files.txt list by paths of the machine that wrote them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shape_names.txt").write_text("".join(f"class{i:02}\n" for i in range(40)))
    for split, files in FILES.items():
        names = [f"ply_data_{split}{i}.h5" for i in range(files)]
        (folder / f"{split}_files.txt").write_text("".join(f"data/{folder.name}/{name}\n" for name in names))
        for i, name in enumerate(names):
            labels = np.arange(classes * per_class[split])[i::files] % classes
            x = clouds(labels, rule.fnv1a(name))
            with h5py.File(folder / name, "w") as f:
                f["data"] = x / np.linalg.norm(x, axis=2).max(1)[:, None, None]
                f["label"] = labels.astype(np.uint8)[:, None]
                f["normal"], f["faceId"] = np.zeros_like(x), np.zeros((len(x), 2048), np.int32)
