"""Trains the demo's pair of models and writes them as ONNX.

    go run ./scripts/demo/export -o DIR
    python scripts/demo/train.py --data DIR [-o cmd/wiseft/demo]

pretrained.onnx: supervised pre-training on all classes of the CAD domain with strong augmentation; of its head the rows of
the indoor classes. finetuned.onnx: all of its weights fine-tuned on scans of the indoor classes, without augmentation.
"""

import argparse
import hashlib
import pathlib
import time

import onnx
import torch
from torch import nn

import data
from augment import augment
from model import Classifier


def optimise(model, x, y, change, epochs, lr, batch):
    """AdamW with a one-cycle learning rate; the loss is cross-entropy."""
    optimiser = torch.optim.AdamW(model.parameters(), lr, weight_decay=1e-4)
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps, pct_start=0.2)
    loss_of = nn.CrossEntropyLoss()
    model.train()
    for epoch in range(epochs):
        start, total, right = time.time(), 0.0, 0
        order = torch.randperm(len(x))[: len(x) // batch * batch].view(-1, batch)
        for rows in order:
            _, logits = model(change(x[rows]))
            loss = loss_of(logits, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() / len(order)
            right += (logits.argmax(1) == y[rows]).sum().item()
        print(f"  epoch {epoch + 1}/{epochs} loss {total:.3f} accuracy {right / order.numel():.3f} "
              f"{time.time() - start:.1f} s", flush=True)
    model.eval()


def export(model, path):
    """Writes ONNX with every parameter under its own name: nothing folded, BatchNorm kept."""
    axes = {"points": {0: "batch", 1: "points"}, "features": {0: "batch"}, "logits": {0: "batch"}}
    torch.onnx.export(model.eval(), torch.zeros(2, 256, 3), path, opset_version=17, dynamo=False,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["points"], output_names=["features", "logits"], dynamic_axes=axes)


def pretrain(folder):
    """Returns the pre-trained network with the head's rows of the classes of the fine-tuning."""
    x, y, classes = data.load(folder, "cad_train")
    model = Classifier(len(classes))
    optimise(model, x, y, augment, epochs=36, lr=3e-3, batch=64)
    _, _, indoor = data.load(folder, "scan_train")
    return model.restricted([classes.index(name) for name in indoor])


def finetune(folder, model):
    x, y, _ = data.load(folder, "scan_train")
    optimise(model, x, y, lambda clouds: clouds, epochs=40, lr=6e-3, batch=32)


def check_pair(pretrained, finetuned):
    """Both have the same graph and the network's parameters, name by name."""
    assert list(pretrained.graph.node) == list(finetuned.graph.node), "graphs differ"
    wanted = {k for k in Classifier(10).state_dict() if "num_batches" not in k}
    for model in (pretrained, finetuned):
        names = {t.name for t in model.graph.initializer}
        assert names == wanted, names ^ wanted


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("-o", dest="out", default=here.parents[1] / "cmd/wiseft/demo", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)  # sums in the same order on every machine
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(args.seed)
    model = pretrain(args.data)
    export(model, args.out / "pretrained.onnx")
    torch.manual_seed(args.seed + 1)
    finetune(args.data, model)
    export(model, args.out / "finetuned.onnx")

    check_pair(*(onnx.load(args.out / f"{name}.onnx") for name in ("pretrained", "finetuned")))
    for name in ("pretrained", "finetuned"):
        content = (args.out / f"{name}.onnx").read_bytes()
        print(f"{name}.onnx {len(content)} bytes sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
