"""Pre-trains a small masked autoencoder on ModelNet10 without labels, fine-tunes it on scans, and writes both as ONNX.

    python scripts/replicate/train.py --modelnet10 MODELNET10 -o DIR --seed 0

DIR gets the target's scans (target_train.npz, target_val.npz, target_test.npz, the same for every seed), and in DIR/SEED
pretrained.onnx and finetuned.onnx. Pre-training sees the clouds of the training split, never a label; fine-tuning the 200
labelled training scans; nothing here sees validation or test scans.
"""

import argparse
import pathlib
import time

import torch
from torch import nn

import data
import model

import onnxgraph  # of scripts/export, whose folder model.py adds
import onnx

PRETRAINING = {"epochs": 30, "lr": 1e-3, "batch": 64}
FINETUNING = {"epochs": 60, "lr": 5e-4, "batch": 32}
WEIGHT_DECAY = 0.05


def optimise(parameters, loss_of, count, epochs, lr, batch):
    """AdamW with 10 % of linear warm-up and a cosine to 0; the gradient's norm is at most 10, as in Point-MAE's recipe."""
    optimiser = torch.optim.AdamW(parameters, lr, weight_decay=WEIGHT_DECAY)
    steps = epochs * (count // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps, pct_start=0.1, div_factor=100)
    for epoch in range(epochs):
        start, total = time.time(), 0.0
        order = torch.randperm(count)[: count // batch * batch].view(-1, batch)
        for rows in order:
            loss = loss_of(rows)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 10)
            optimiser.step()
            schedule.step()
            total += loss.item() / len(order)
        if epoch % 10 == 9:
            print(f"  epoch {epoch + 1}/{epochs} loss {total:.4f} {time.time() - start:.1f} s", flush=True)


def moved(x):
    """Scaled by 2/3 to 3/2 and shifted by up to .2 along each axis, as in Point-MAE's recipe."""
    scale = torch.exp(torch.empty(len(x), 1, 3).uniform_(-0.405, 0.405))
    return x * scale + torch.empty(len(x), 1, 3).uniform_(-0.2, 0.2)


def pretrain(clouds):
    """The backbone of an autoencoder of 256 random points of each cloud."""
    net = model.MaskedAutoencoder(model.network(None, pretrained=True)).train()

    def loss_of(rows):
        pick = torch.rand(len(rows), clouds.shape[1]).argsort(1)[:, : model.POINTS]
        return net(moved(clouds[rows].gather(1, pick[:, :, None].expand(-1, -1, 3))))

    optimise(list(net.parameters()), loss_of, len(clouds), **PRETRAINING)
    return net.backbone.eval()


def finetune(backbone, x, y):
    net = model.finetuned_from(backbone, int(y.max()) + 1).train()
    cross_entropy = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimise(list(net.parameters()), lambda rows: cross_entropy(net(moved(x[rows]))[1], y[rows]), len(x), **FINETUNING)
    return net.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelnet10", required=True, help="folder with train_files.txt and the HDF5 files it names")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)  # the same bytes on every machine of one kind
    out = pathlib.Path(args.out) / str(args.seed)
    out.mkdir(parents=True, exist_ok=True)
    targets = data.targets(args.modelnet10, model.POINTS)
    for split, (x, y) in targets.items():
        data.write(out.parent / f"target_{split}.npz", x, y)
    torch.manual_seed(1000 + args.seed)
    start = time.time()
    backbone = pretrain(data.modelnet(args.modelnet10, "train")[0])
    finetuned = finetune(backbone, *targets["train"])
    example = torch.randn(2, model.POINTS, 3)
    for name, net in (("pretrained", backbone), ("finetuned", finetuned)):
        onnx.save(onnxgraph.trace(net, example, net.output_names()), out / f"{name}.onnx")
    with torch.no_grad():
        x, y = targets["train"]
        print(f"seed {args.seed}: {time.time() - start:.0f} s, accuracy on its own training scans "
              f"{(finetuned(x)[1].argmax(1) == y).float().mean():.3f}")


if __name__ == "__main__":
    main()
