"""ModelNet10, and the shifted target that is made from it."""

import pathlib
import sys

import h5py
import numpy as np
import torch

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "demo"))

from augment import distorted, draw, outside_holes, to_unit_sphere, uncut, visible, with_background  # noqa: E402

LABELLED = 20  # scans a class to fine-tune on
VALIDATION = 40  # scans a class to choose alpha on, from other training clouds


def modelnet(folder, split):
    """Clouds (n, points, 3) float32 and labels (n,) of a split, in the layout of modelnet40_ply_hdf5_2048."""
    folder = pathlib.Path(folder)
    clouds, labels = [], []
    for line in (folder / f"{split}_files.txt").read_text().split():
        with h5py.File(folder / pathlib.PurePosixPath(line).name) as f:
            clouds.append(f["data"][:].astype(np.float32))
            labels.append(f["label"][:].astype(np.int64).reshape(-1))
    return torch.from_numpy(np.concatenate(clouds)), torch.from_numpy(np.concatenate(labels))


def scans(clouds, points):
    """Views of clouds as a camera's: for 60 % of them one side alone; cuts and holes; floor and wall around; turned,
    tilted, stretched, noisy, and in the unit sphere. The seed is torch's."""
    seen = draw(clouds, visible(clouds) * uncut(clouds) * outside_holes(clouds), points)
    return to_unit_sphere(distorted(to_unit_sphere(with_background(seen, clouds))))


def targets(folder, points, seed=0):
    """The target's splits, each (scans, labels): few to train on, others to validate on, and one of each test cloud. Training
    and validation scans are of different training clouds; they are the same for all seeds of the trainings."""
    torch.manual_seed(seed)
    clouds, labels = modelnet(folder, "train")
    train, val = [], []
    for c in range(int(labels.max()) + 1):
        rows = (labels == c).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows))]
        train.append(rows[:LABELLED])
        val.append(rows[LABELLED:LABELLED + VALIDATION])
    test_clouds, test_labels = modelnet(folder, "test")
    out = {}
    for split, x, y in (("train", clouds[torch.cat(train)], labels[torch.cat(train)]),
                        ("val", clouds[torch.cat(val)], labels[torch.cat(val)]),
                        ("test", test_clouds, test_labels)):
        out[split] = torch.cat([scans(part, points) for part in x.split(256)]), y
    return out


def write(path, x, y):
    np.savez(path, x=x.numpy(), y=y.numpy())
