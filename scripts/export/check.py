"""Checks every exporter against numbers of the reference implementations.

    python scripts/export/check.py --oracles FOLDER [--wiseft PROGRAM] [name...]

FOLDER holds one folder for each architecture and configuration: keys.json, the tensors' names, and io.npz, with
points, indices, feature and logits that the reference gave for weights made by rule.py. Each is exported as a user
would, from a checkpoint wrapped as its training code writes it, and run by onnxruntime and by `wiseft features`. The
limits are a few times the difference between two correct float32 computations: a wrong epsilon is above them.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch

import export
import onnxgraph
import rule
from architectures import ARCHITECTURES, build

LIMITS = {"features": 1.5e-5, "logits": 5e-6}
SMALL = {"features": 2e-6, "logits": 2e-6}  # of networks with smaller values
LIMITS_OF = {"dgcnn": SMALL, "pointnet2-ssg": SMALL, "pointnet2-msg": SMALL}


def split(name):
    architecture, _, config = name.rpartition("-")
    return architecture, config


def weights(folder, salt=""):
    keys = json.loads((folder / "keys.json").read_text())
    tied = {k["name"]: k["tied_to"] for k in keys if k.get("tied_to")}
    return rule.state([(k["name"], k["shape"]) for k in keys], salt, tied)


def indices(name, state, points):
    """The indices that the graph samples: the same model, exported with them as outputs."""
    model = build(*split(name))
    model.load_state_dict(state)
    model.recording = True
    model.eval()(points)
    proto = onnxgraph.trace(model, points, model.output_names())
    outputs = onnxgraph.run(proto, points.numpy())
    return {k: outputs[k] for k in model.sampled}


def through_wiseft(program, model, points, tensor, folder):
    data, out = folder / "data.npz", folder / f"{tensor}.npz"
    np.savez(data, x=points, y=np.zeros(len(points), np.int64))
    command = [program, "features", model, "--data", data, "--output", tensor, "-o", out, "--force", "--quiet"]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
    return np.load(out)["x"]


def check(name, folder, wiseft, scratch):
    """Returns a description of what was wrong."""
    want, state, wrong, figures = np.load(folder / "io.npz"), weights(folder), [], []
    path = scratch / f"{name}.onnx"
    torch.save({"base_model": {"module." + k: v for k, v in state.items()}, "epoch": 1}, scratch / "x.pth")
    architecture, config = split(name)
    export.export([architecture, "--config", config, "--checkpoint", str(scratch / "x.pth"), "-o", str(path)],
                  say=lambda _: None)
    found = indices(name, state, torch.from_numpy(want["points"]))
    if set(found) != {k for k in want if "_idx_" in k}:
        wrong.append(f"sampled {sorted(found)}")
    for key, got in found.items():
        if "knn" in key:
            got = np.sort(got, 2)
        if not np.array_equal(got, want[key]):
            wrong.append(f"{key}: {np.mean(got != want[key]):.1%} of the indices differ")
    runs = {"onnxruntime": onnxgraph.run(onnx.load(path), want["points"])}
    if wiseft:
        runs["wiseft"] = {t: through_wiseft(wiseft, path, want["points"], t, scratch) for t in LIMITS}
    for engine, outputs in runs.items():
        for tensor, limit in LIMITS_OF.get(architecture, LIMITS).items():
            difference = abs(outputs[tensor] - want["feature" if tensor == "features" else tensor]).max()
            figures.append(f"{engine} {tensor} {difference:.1e}")
            if not difference <= limit:
                wrong.append(f"{engine}: {tensor} differ by {difference:.1e}, allowed are {limit:.1e}")
    path.unlink()
    print(f"{name}: {'; '.join(wrong) or 'ok'} ({len(found)} index arrays, {', '.join(figures)})", flush=True)
    return wrong


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--oracles", required=True, type=pathlib.Path)
    p.add_argument("--wiseft", help="the program")
    p.add_argument("name", nargs="*", help="only these")
    args = p.parse_args()
    names = args.name or sorted(f.parent.name for f in args.oracles.glob("*/io.npz"))
    checked = {split(name)[0] for name in names}
    if not args.name and checked != set(ARCHITECTURES):
        sys.exit(f"no numbers for {sorted(set(ARCHITECTURES) - checked)}")
    with tempfile.TemporaryDirectory() as scratch:
        wrong = [check(name, args.oracles / name, args.wiseft, pathlib.Path(scratch)) for name in names]
    sys.exit(1 if any(wrong) else 0)


if __name__ == "__main__":
    main()
