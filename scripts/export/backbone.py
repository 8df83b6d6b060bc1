"""What all architectures share: outputs, pooling, heads of the Point-MAE family."""

import torch
from torch import nn


class Backbone(nn.Module):
    """A network with the names of its reference, without its head if classes is None.

    A subclass lists its configurations and the names in checkpoints:

    CONFIGS       name to arguments of the constructor; "points" is what a cloud must have
    HEAD          the first parts of the head's tensor names
    PREFIX        prefix of the backbone's names in a pre-training checkpoint
    PRETRAINING   the first parts of names that only pre-training has
    UNTRAINED     the first parts of backbone names that pre-training does not have
    CLASSIFIER    candidates for the last layer's weight, whose rows are the classes
    """

    CONFIGS = {}
    HEAD = ("cls_head_finetune",)
    PREFIX = ""
    PRETRAINING = ()
    UNTRAINED = ()
    CLASSIFIER = ()

    def __init__(self, points, classes):
        super().__init__()
        self.points, self.classes = points, classes
        self.recording, self.sampled = False, {}

    def forward(self, points):
        """points (b, n, 3) to features (b, d), then logits (b, classes) if there is a head, then, while
        recording, the sampled indices in the order of `sampled`."""
        self.sampled = {}
        features = self.features(points)
        outputs = [features] if self.classes is None else [features, self.logits(features)]
        return tuple(outputs + (list(self.sampled.values()) if self.recording else []))

    def output_names(self):
        names = ["features"] if self.classes is None else ["features", "logits"]
        return names + (list(self.sampled) if self.recording else [])

    def logits(self, features):
        return self.cls_head_finetune(features)


POOLS = {
    "cls": "the class tokens, one after the other",
    "clsmax": "the largest of the class tokens, channel by channel",
    "max": "the maximum over the patches",
    "max1": "the maximum over all patches but the first",
    "mean": "the mean over the patches",
    "sum": "the mean plus the maximum over the patches",
}


def pool(parts, patches, tokens=None):
    """Joins parts, such as "cls+max", of patches (b, s, c) and class tokens (b, t, c): (b, parts * c)."""
    values = {
        "cls": lambda: tokens.flatten(1), "clsmax": lambda: tokens.amax(1),
        "max": lambda: patches.amax(1), "max1": lambda: patches[:, 1:].amax(1),
        "mean": lambda: patches.mean(1), "sum": lambda: patches.mean(1) + patches.amax(1),
    }
    return torch.cat([values[part]() for part in parts.split("+")], 1)


def pooled_width(parts, width, tokens=0):
    return sum(width * (tokens if part == "cls" else 1) for part in parts.split("+"))


def mlp_head(width, classes):
    """The three-layer head of Point-MAE, Point-M2AE and ReCon."""
    return nn.Sequential(
        nn.Linear(width, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(256, classes))
