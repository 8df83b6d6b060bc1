"""The last layers of the architectures that come with several."""

from torch import nn


def head(features, kind, norm):
    """kind is classes5, the plain classifier; classes7; projection; or norm, which has one
    more normalisation before the classifier."""
    if kind == "projection":
        return nn.Sequential(nn.Linear(features, 8), nn.ReLU(), nn.Linear(8, 6))
    if kind == "norm":
        return Normed(features, norm)
    return nn.Linear(features, int(kind.removeprefix("classes")))


class Normed(nn.Linear):
    """A classifier that keeps its names, head.weight and head.bias, behind a norm."""

    def __init__(self, features, norm):
        super().__init__(features, 5)
        self.norm = norm(features)

    def forward(self, x):
        return super().forward(self.norm(x))
