"""Trains the networks of this folder's measurements and writes them as ONNX, with their data as NPZ.

    go run ./scripts/demo/export -points 128 -source 150 -target 60 -o CLOUDS/train
    go run ./scripts/demo/export -points 128 -source 50 -target 50 -split test -seed 1 -o CLOUDS/test
    python scripts/barrier/train.py --clouds CLOUDS -o DIR [--seed N]

DIR/digits and DIR/clouds get base.onnx, apart.onnx, release.onnx, tuned.onnx and NPZ files of the data; README.md says
what they are.
"""

import argparse
import hashlib
import pathlib

import numpy as np
import onnx
import torch
from torch import nn

import data
from nets import CloudsNet, DigitsNet

NETS = {"digits": DigitsNet, "clouds": CloudsNet}
AUGMENT = {"digits": data.shifted, "clouds": data.turned}
TUNED_SAMPLES = 400  # of the target's training data, for the fine-tune


def optimise(model, x, y, epochs, lr, change=lambda x: x, batch=50):
    """AdamW with a one-cycle learning rate; the loss is cross-entropy. Returns the accuracy over the last epoch."""
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    optimiser = torch.optim.AdamW(model.parameters(), lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=epochs * (len(x) // batch))
    loss_of = nn.CrossEntropyLoss()
    model.train()
    for _ in range(epochs):
        right = 0
        order = torch.randperm(len(x))[: len(x) // batch * batch].view(-1, batch)
        for rows in order:
            _, logits = model(change(x[rows]))
            loss = loss_of(logits, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            right += (logits.argmax(1) == y[rows]).sum().item()
    model.eval()
    return right / order.numel()


def copy_of(model):
    other = type(model)()
    other.load_state_dict(model.state_dict())
    return other


def train(kind, sets, seed):
    """Returns the networks by name. Every training has a seed of its own, for initial weights and the order of data."""
    base_data, target_data = sets["base", "train"], [a[:TUNED_SAMPLES] for a in sets["target", "train"]]
    made = {}

    def new(name, model, *args, **kwargs):
        accuracy = optimise(model, *args, **kwargs)
        print(f"{kind} {name}: training accuracy {accuracy:.3f}", flush=True)
        made[name] = model

    torch.manual_seed(10 * seed)
    new("base", NETS[kind](), *base_data, epochs=30, lr=5e-3)
    torch.manual_seed(10 * seed + 1)
    new("apart", NETS[kind](), *base_data, epochs=30, lr=5e-3)
    torch.manual_seed(10 * seed + 2)
    new("release", copy_of(made["base"]), *base_data, epochs=30, lr=2e-3, change=AUGMENT[kind])
    torch.manual_seed(10 * seed + 3)
    new("tuned", copy_of(made["base"]), *target_data, epochs=30, lr=2e-3)
    return made


def export(model, path):
    """Writes ONNX with every parameter under its own name: nothing folded, BatchNorm kept."""
    axes = {name: {0: "batch"} for name in ("x", "features", "logits")}
    axes["x"] |= model.open_axes
    torch.onnx.export(model.eval(), torch.zeros(2, *model.sample), path, opset_version=17, dynamo=False,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["x"], output_names=["features", "logits"], dynamic_axes=axes)
    names = {t.name for t in onnx.load(path).graph.initializer}
    wanted = {k for k in model.state_dict() if "num_batches" not in k}
    assert names == wanted, names ^ wanted


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(torch.from_numpy(x))[1].argmax(1).numpy() == y).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clouds", required=True)
    parser.add_argument("-o", dest="out", required=True, type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)  # sums in the same order on every machine
    for kind in NETS:
        folder = args.out / kind
        folder.mkdir(parents=True, exist_ok=True)
        sets = data.load(kind, args.clouds)
        for (domain, split), (x, y) in sets.items():
            np.savez_compressed(folder / f"{domain}_{split}.npz", x=x, y=y)
        for name, model in train(kind, sets, args.seed).items():
            path = folder / f"{name}.onnx"
            export(model, path)
            content = path.read_bytes()
            figures = " ".join(f"{d} {accuracy(model, *sets[d, 'test']):.3f}" for d in ("base", "target"))
            print(f"{path} {len(content)} bytes sha256 {hashlib.sha256(content).hexdigest()} test accuracy: {figures}")


if __name__ == "__main__":
    main()
