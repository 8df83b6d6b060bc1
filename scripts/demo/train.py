"""Trains the demo's pair of models and writes them as ONNX.

    go run ./scripts/demo/export -o DIR
    python scripts/demo/train.py --data DIR [-o cmd/wiseft/demo]

pretrained.onnx: the backbone after supervised pre-training on all classes of the
CAD domain with strong augmentation. finetuned.onnx: the same backbone with a new
head, fine-tuned on scans of the indoor classes with rotations as the
only augmentation. Settings were chosen on scan_val; scan_test is for evaluate.py.
"""

import argparse
import hashlib
import pathlib
import time

import onnx
import torch
from torch import nn

import data
import evaluate
from model import Backbone, Classifier


def optimise(model, x, y, augment, epochs, lr, batch):
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
            _, logits = model(augment(x[rows]))
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


def export(model, path, outputs):
    """Writes ONNX with every parameter under its own name: nothing folded, BatchNorm kept."""
    names = {0: "batch"}
    axes = {"points": {0: "batch", 1: "points"}} | {name: names for name in outputs}
    torch.onnx.export(model.eval(), torch.zeros(2, 256, 3), path, opset_version=17, dynamo=False,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["points"], output_names=outputs, dynamic_axes=axes)


def pretrain(folder):
    x, y, entry = data.load(folder, "cad_train")
    model = Classifier(len(entry["classes"]))
    optimise(model, x, y, data.wild, epochs=20, lr=3e-3, batch=64)
    backbone = Backbone()
    backbone.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("head.")})
    return backbone


def finetune(folder, backbone):
    x, y, entry = data.load(folder, "scan_train")
    model = Classifier(len(entry["classes"]))
    model.load_state_dict(backbone.state_dict(), strict=False)
    optimise(model, x, y, data.yaw, epochs=30, lr=1e-3, batch=32)
    return model


def check_pair(pretrained, finetuned):
    """The fine-tuned graph is the pre-trained one and a head, name by name."""
    before, after = ({t.name for t in m.graph.initializer} for m in (pretrained, finetuned))
    assert after - before == {"head.weight", "head.bias"} and before <= after, before ^ after
    assert before == {k for k in Backbone().state_dict() if "num_batches" not in k}, before
    nodes = list(pretrained.graph.node)
    assert nodes == list(finetuned.graph.node)[: len(nodes)], "backbones differ"


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
    backbone = pretrain(args.data)
    export(backbone, args.out / "pretrained.onnx", ["features"])
    torch.manual_seed(args.seed + 1)
    classifier = finetune(args.data, backbone)
    export(classifier, args.out / "finetuned.onnx", ["features", "logits"])

    for name in ("pretrained", "finetuned"):
        content = (args.out / f"{name}.onnx").read_bytes()
        print(f"{name}.onnx {len(content)} bytes sha256 {hashlib.sha256(content).hexdigest()}")
    models = [onnx.load(args.out / f"{name}.onnx") for name in ("pretrained", "finetuned")]
    check_pair(*models)
    evaluate.table(*models, evaluate.arrays(args.data, "train"), evaluate.arrays(args.data, "val"))


if __name__ == "__main__":
    main()
