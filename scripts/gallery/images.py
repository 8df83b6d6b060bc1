"""Makes images/ of the gallery: two small networks for digits on coloured ground, 32 x 32 pixels, and their data.

The pre-trained network has seen digits on every colour, shifted and noisy; the fine-tuned one went on with 250 clean ones. The digits
are scikit-learn's (Alpaydin and Kaynak, 1998). Needs torch, onnx and scikit-learn.
"""

import pathlib

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "images"
SIDE = 32


def pictures(images, rng):
    """Returns float16 pictures [n, 3, 32, 32] with values from 0 to 1 of digits, bright on a dark coloured ground."""
    big = np.kron(images / 16, np.ones((3, 3)))  # 24 x 24
    out = np.zeros((len(big), 3, SIDE, SIDE), np.float32)
    ground, ink = rng.uniform(0, 0.35, (2, len(big), 3, 1, 1))
    ink = 1 - ink
    for i, digit in enumerate(big):
        y, x = rng.integers(2, 7, 2)
        mask = np.zeros((SIDE, SIDE), np.float32)
        mask[y : y + 24, x : x + 24] = digit
        out[i] = ground[i] + mask * (ink[i] - ground[i])
    return ((64 * out).round() / 64).astype(np.float16)  # few values: small files


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        for a, b in [(3, 12), (12, 24), (24, 32)]:
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU()]
        self.body, self.head = nn.Sequential(*layers), nn.Linear(32, 10)

    def forward(self, image):
        return self.head(self.body(image).mean((2, 3)))


def train(net, x, y, steps, rate, augment, rng):
    net.train()
    optimizer = torch.optim.Adam(net.parameters(), rate)
    for _ in range(steps):
        at = rng.integers(0, len(x), 64)
        batch = torch.tensor(x[at], dtype=torch.float32)
        if augment:
            batch = batch.roll(tuple(rng.integers(-3, 4, 2)), (2, 3)) * float(rng.uniform(0.5, 1.3)) + float(rng.uniform(-0.1, 0.2))
            batch = batch + 0.12 * torch.randn(batch.shape) * float(rng.uniform(0, 1))
        loss = nn.functional.cross_entropy(net(batch.clamp(0, 1)), torch.tensor(y[at]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()


def export(net, name):
    torch.onnx.export(net, torch.zeros(2, 3, SIDE, SIDE), FOLDER / name, input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, opset_version=17, do_constant_folding=False,
                      training=torch.onnx.TrainingMode.PRESERVE)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    images, labels = digits.images[order], digits.target[order].astype(np.int64)
    x = pictures(images, rng)
    net = Net()
    train(net, x[600:], labels[600:], 700, 3e-3, True, rng)
    export(net, "pretrained.onnx")
    train(net, x[:250], labels[:250], 250, 2e-3, False, rng)
    export(net, "finetuned.onnx")
    classes = np.array([str(i) for i in range(10)])
    for name, rows in {"train": slice(0, 250), "val": slice(250, 350), "test": slice(350, 600)}.items():
        np.savez_compressed(FOLDER / f"{name}.npz", x=x[rows], y=labels[rows], classes=classes)


main()
