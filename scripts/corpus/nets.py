"""The architectures of the corpus, their inputs, and their two weight sets."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

import cloud
import image
import sequence

HEADS = ["classes5", "classes7", "projection", "norm"]


@dataclass
class Net:
    make: type
    shapes: list  # of the inputs, without the batch
    integers: list = field(default_factory=list)  # for each input: values below this, or None for floats
    has_heads: bool = False

    def inputs(self, batch):
        """The inputs every export is traced and checked with: the same numbers each time."""
        r = np.random.default_rng(batch)
        bounds = self.integers or [None] * len(self.shapes)
        return tuple(
            torch.from_numpy(r.standard_normal((batch, *s)).astype(np.float32) if hi is None
                             else r.integers(0, hi, (batch, *s)))
            for s, hi in zip(self.shapes, bounds))


IMAGE = [(3, 16, 16)]
NETS = {
    "mlp": Net(sequence.MLP, [(6,)], has_heads=True),
    "resnet": Net(image.ResNet, IMAGE, has_heads=True),
    "depthwise": Net(image.Depthwise, IMAGE),
    "unet": Net(image.UNet, IMAGE),
    "senet": Net(image.SENet, IMAGE),
    "branches": Net(image.Branches, IMAGE),
    "vit": Net(sequence.ViT, [(3, 8, 8)], has_heads=True),
    "bert": Net(sequence.BERT, [(6,), (6,)], [20, 2]),
    "cross_attention": Net(sequence.CrossAttention, [(5, 6)]),
    "recurrent": Net(sequence.Recurrent, [(3, 4)]),
    "pointnet": Net(cloud.PointNet, [(3, 32)], has_heads=True),
    "dgcnn": Net(cloud.DGCNN, [(3, 16)]),
    "pointnet2": Net(cloud.PointNet2, [(32, 3)]),
    "point_transformer": Net(cloud.PointTransformer, [(16, 3)]),
}


def model(architecture, weights, kind=None):
    """The architecture with weight set "a" or "b", ready for inference."""
    net = NETS[architecture]
    m = net.make(kind) if kind else net.make()
    fill(m, architecture, weights)
    return m.eval()


def fill(m, architecture, weights):
    """Sets every parameter and statistic. Set a depends on the architecture, the name and
    the shape alone; b is a plus a tenth of a fresh draw, as if fine-tuned. No two elements
    are equal, so that a tensor's values identify its parameter."""
    norms = {name for name, child in m.named_modules()
             if isinstance(child, (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm))}
    seen = set()
    with torch.no_grad():
        for i, (name, t) in enumerate([*m.named_parameters(), *m.named_buffers()]):
            owner, leaf = name.rpartition(".")[::2]
            if leaf == "num_batches_tracked":
                t.fill_(1000 + i + (500 if weights == "b" else 0))
            elif t.dtype == torch.float32 and (isinstance(t, nn.Parameter) or leaf.startswith("running_")):
                value = draw(f"{architecture}/{name}/{list(t.shape)}", t.shape)
                if weights == "b":
                    value = value + 0.1 * draw(f"{architecture}/{name}/{list(t.shape)}/b", t.shape)
                if leaf == "running_var" or owner in norms and leaf == "weight" or leaf == "gamma":
                    value = np.exp(0.2 * value)
                elif t.dim() > 1 and t[0].numel() > 1:
                    value = value / np.sqrt(t[0].numel()) * (1 if owner else 2)
                else:
                    value = 0.2 * value
                t.copy_(torch.from_numpy(unique(value.astype(np.float32), seen)))


def draw(key, shape):
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(tuple(shape))


def unique(value, seen):
    flat = value.reshape(-1)
    for i in range(flat.size):
        while float(flat[i]) in seen:
            flat[i] = np.nextafter(flat[i], np.float32(np.inf))
        seen.add(float(flat[i]))
    return value
