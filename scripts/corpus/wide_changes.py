"""The weights of the pre-trained model, and what fine-tuning changes."""

import re

import numpy as np
import torch
from torch import nn

CHANGES = [
    "noise.05",
    "noise.1",
    "noise.2",
    "noise.5",
    "strong",
    "zeros",
    "zeroinit",
    "init",
    "blocks",
    "head",
    "unchanged",
]


def generator(*key):
    import hashlib

    return np.random.default_rng(
        int.from_bytes(hashlib.sha256("/".join(map(str, key)).encode()).digest()[:8], "little")
    )


def floats(m):
    """(name, tensor) of all parameters and float buffers that are statistics, each once."""
    seen = set()
    for name, t in [*m.named_parameters(), *m.named_buffers()]:
        leaf = name.rpartition(".")[2]
        if not t.is_floating_point() or t.data_ptr() in seen:
            continue
        if (
            isinstance(t, nn.Parameter)
            or leaf in ("running_mean", "running_var")
            or type(owner(m, name)).__name__ == "FrozenBatchNorm2d"
        ):
            seen.add(t.data_ptr())
            yield name, t


def owner(m, name):
    return m.get_submodule(name.rpartition(".")[0])


def is_norm(m, name):
    kind = type(owner(m, name)).__name__
    return "Norm" in kind or kind in ("GRN", "Affine")


def at_random(m, net, seed):
    """Weights as of a trained model: norms and biases not at 1 and 0, statistics those of data."""
    r = generator("A", seed)
    with torch.no_grad():
        for name, t in floats(m):
            leaf = name.rpartition(".")[2]
            n = torch.from_numpy(r.standard_normal(tuple(t.shape)).astype(np.float32))
            if leaf == "running_var" or (leaf == "weight" and is_norm(m, name)):
                t.copy_(torch.exp(0.2 * n))
            elif t.dim() >= 2 and t.abs().max() > 0:
                t.copy_(t + 0.1 * t.std().nan_to_num() * n)  # as the module made it, not exactly
                if t.std() < 0.02:
                    t.copy_(n / np.sqrt(max(t[0].numel(), 4)) if t.dim() < 4 and t.shape[0] > 1 else 0.1 * n)
            elif t.numel() == 1:
                t.copy_(t + 0.2 * n)
            elif t.dim() >= 2:
                t.copy_(0.1 * n)
            elif t.std() > 0 or t.abs().max() == 0 or leaf in ("bias", "running_mean"):
                t.copy_(t + 0.1 * n)
            else:
                t.copy_(t * torch.exp(0.2 * n))
        statistics(m, net)


def statistics(m, net):
    """Sets the statistics of BatchNormalization to those of random inputs."""
    norms = [b for b in m.modules() if isinstance(b, nn.modules.batchnorm._BatchNorm) and b.track_running_stats]
    if not norms:
        return
    saved = [b.momentum for b in norms]
    for b in norms:
        b.reset_running_stats()
        b.momentum = None
        b.train()
    try:
        m(*net.inputs(8, seed=77))
    except Exception:
        pass
    for b, momentum in zip(norms, saved):
        b.eval()
        b.momentum = momentum
        b.running_var.clamp_(min=1e-2)


def before(m, change, seed):
    """What the change makes of the pre-trained model."""
    r = generator("before", change, seed)
    with torch.no_grad():
        if change == "init":
            for name, t in floats(m):
                leaf = name.rpartition(".")[2]
                if leaf == "running_mean" or leaf == "bias" and t.dim() == 1:
                    t.zero_()
                elif leaf == "running_var" or leaf == "weight" and is_norm(m, name):
                    t.fill_(1)
        elif change == "zeroinit":
            for name, t in floats(m):
                if (
                    t.dim() >= 2
                    and r.random() < 0.2
                    or leaf_of(name) == "weight"
                    and is_norm(m, name)
                    and r.random() < 0.2
                ):
                    t.zero_()
        elif change == "blocks":
            first = {}
            for name, t in floats(m):
                key = re.sub(r"\d+", "#", name), tuple(t.shape)
                if key in first:
                    t.copy_(first[key])
                first.setdefault(key, t)
        elif change == "zeros":
            pruned(m)


def leaf_of(name):
    return name.rpartition(".")[2]


def pruned(m):
    for _, t in floats(m):
        if t.dim() >= 2 and t.numel() > 16:
            t.mul_(t.abs() > t.abs().flatten().median())


def tuned(m, change, seed):
    """Turns the pre-trained weights into the fine-tuned ones."""
    r = generator("B", change, seed)
    if change == "unchanged":
        return
    level = float(change[5:]) if change.startswith("noise") else 0.1
    with torch.no_grad():
        for name, t in floats(m):
            n = torch.from_numpy(r.standard_normal(tuple(t.shape)).astype(np.float32))
            if leaf_of(name) == "running_var":
                t.mul_(torch.exp(level * n))
                continue
            rms = t.pow(2).mean().sqrt()
            if rms == 0:
                rms = torch.tensor(0.1)
            if leaf_of(name) == "running_mean":
                rms = rms.clamp(min=0.1)
            if change == "strong" and t.dim() >= 2 and r.random() < 0.3:
                t.copy_(0.6 * t + 0.8 * rms * n)
            else:
                t.add_(level * rms * n)
        if change == "zeros":
            pruned(m)


def distinct(m):
    """Makes equal tensors differ, far below the tolerance."""
    r = generator("distinct")
    with torch.no_grad():
        for _, t in floats(m):
            n = torch.from_numpy(r.standard_normal(tuple(t.shape)).astype(np.float32))
            t.add_(1e-5 * n * t.abs().mean().clamp(min=0.02))
