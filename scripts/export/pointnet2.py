"""PointNet++ (Qi et al. 2017, arXiv 1706.02413), classification without normals, single- and multi-scale
grouping, as in yanx27/Pointnet_Pointnet2_pytorch.

The reference draws the first point of each sampling at random, in evaluation too; here it is point 0.
"""

import torch
from torch import nn
from torch.nn import functional as F

from backbone import Backbone
from operators import ball, expanded_squared_distances, farthest_points, take


def layers(widths):
    """Convolutions and norms between the widths."""
    convs = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(widths, widths[1:]))
    return convs, nn.ModuleList(nn.BatchNorm2d(o) for o in widths[1:])


def through(x, convs, norms):
    """Grouped points (b, s, k, c) through the layers, then the maximum of each group: (b, s, c')."""
    x = x.permute(0, 3, 2, 1)
    for conv, norm in zip(convs, norms):
        x = F.relu(norm(conv(x)))
    return x.amax(2).transpose(1, 2)


class SetAbstraction(nn.Module):
    """One scale. A grouped point is [point - centre, features]."""

    def __init__(self, centres, radius, k, widths):
        super().__init__()
        self.centres, self.radius, self.k = centres, radius, k
        self.mlp_convs, self.mlp_bns = layers(widths)

    def forward(self, points, features, record):
        index = record("fps_idx", farthest_points(points, self.centres))
        centres = take(points, index)
        near = record("ball_idx", ball(expanded_squared_distances(centres, points), self.radius, self.k))
        x = take(points, near) - centres.unsqueeze(2)
        if features is not None:
            x = torch.cat([x, take(features, near)], 3)
        return centres, through(x, self.mlp_convs, self.mlp_bns)


class MultiScaleSetAbstraction(nn.Module):
    """Several scales around the same centres, joined. A grouped point is [features, point - centre]."""

    def __init__(self, centres, scales):
        super().__init__()
        self.centres, self.scales = centres, [(radius, k) for radius, k, _ in scales]
        both = [layers(widths) for _, _, widths in scales]
        self.conv_blocks = nn.ModuleList(convs for convs, _ in both)
        self.bn_blocks = nn.ModuleList(norms for _, norms in both)

    def forward(self, points, features, record):
        index = record("fps_idx", farthest_points(points, self.centres))
        centres = take(points, index)
        distances, outputs = expanded_squared_distances(centres, points), []
        for i, (radius, k) in enumerate(self.scales):
            near = record("ball_idx", ball(distances, radius, k), i)
            x = take(points, near) - centres.unsqueeze(2)
            if features is not None:
                x = torch.cat([take(features, near), x], 3)
            outputs.append(through(x, self.conv_blocks[i], self.bn_blocks[i]))
        return centres, torch.cat(outputs, 2)


class GlobalAbstraction(nn.Module):
    """All centres as one group, [coordinates, features]: (b, 1024)."""

    def __init__(self, widths):
        super().__init__()
        self.mlp_convs, self.mlp_bns = layers(widths)

    def forward(self, points, features):
        x = torch.cat([points, features], 2).unsqueeze(1)
        return through(x, self.mlp_convs, self.mlp_bns).squeeze(1)


class PointNet2(Backbone):
    """The reference returns log-probabilities; `logits` is their argument."""

    HEAD = ("fc1", "fc2", "fc3", "bn1", "bn2")
    CLASSIFIER = ("fc3.weight",)

    def __init__(self, points, classes):
        super().__init__(points, classes)
        self.make_stages()
        if classes is not None:
            self.fc1, self.fc2, self.fc3 = nn.Linear(1024, 512), nn.Linear(512, 256), nn.Linear(256, classes)
            self.bn1, self.bn2 = nn.BatchNorm1d(512), nn.BatchNorm1d(256)

    def features(self, points):
        x = None
        for i, stage in enumerate([self.sa1, self.sa2]):
            def record(name, index, *scale):
                self.sampled["_".join([name, str(i), *map(str, scale)])] = index
                return index
            points, x = stage(points, x, record)
        return self.sa3(points, x)

    def logits(self, x):
        x = F.relu(self.bn1(self.fc1(x)))
        x = F.relu(self.bn2(self.fc2(x)))
        return self.fc3(x)


class PointNet2SSG(PointNet2):
    CONFIGS = {"modelnet40": {"points": 1024, "classes": 40}}

    def make_stages(self):
        self.sa1 = SetAbstraction(512, 0.2, 32, [3, 64, 64, 128])
        self.sa2 = SetAbstraction(128, 0.4, 64, [131, 128, 128, 256])
        self.sa3 = GlobalAbstraction([259, 256, 512, 1024])


class PointNet2MSG(PointNet2):
    CONFIGS = {"modelnet40": {"points": 1024, "classes": 40}}

    def make_stages(self):
        self.sa1 = MultiScaleSetAbstraction(512, [
            (0.1, 16, [3, 32, 32, 64]), (0.2, 32, [3, 64, 64, 128]), (0.4, 128, [3, 64, 96, 128])])
        self.sa2 = MultiScaleSetAbstraction(128, [
            (0.2, 32, [323, 64, 64, 128]), (0.4, 64, [323, 128, 128, 256]), (0.8, 128, [323, 128, 128, 256])])
        self.sa3 = GlobalAbstraction([643, 256, 512, 1024])
