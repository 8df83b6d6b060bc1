"""DGCNN (Wang et al. 2019, arXiv 1801.07829), classification, as in WangYueFt/dgcnn."""

import torch
from torch import nn
from torch.nn import functional as F

from backbone import Backbone
from operators import expanded_squared_distances, nearest, take


def unit(conv, norm):
    return nn.Sequential(conv, norm, nn.LeakyReLU(0.2))


class DGCNN(Backbone):
    """Each of bn1 to bn5 is also a part of a Sequential, so that checkpoints hold it under two names."""

    CONFIGS = {"modelnet40": {"points": 1024, "classes": 40}}
    HEAD = ("linear1", "linear2", "linear3", "bn6", "bn7")
    CLASSIFIER = ("linear3.weight",)

    def __init__(self, points, classes, k=20):
        super().__init__(points, classes)
        self.k = k
        self.bn1, self.bn2 = nn.BatchNorm2d(64), nn.BatchNorm2d(64)
        self.bn3, self.bn4 = nn.BatchNorm2d(128), nn.BatchNorm2d(256)
        self.bn5 = nn.BatchNorm1d(1024)
        self.conv1 = unit(nn.Conv2d(6, 64, 1, bias=False), self.bn1)
        self.conv2 = unit(nn.Conv2d(128, 64, 1, bias=False), self.bn2)
        self.conv3 = unit(nn.Conv2d(128, 128, 1, bias=False), self.bn3)
        self.conv4 = unit(nn.Conv2d(256, 256, 1, bias=False), self.bn4)
        self.conv5 = unit(nn.Conv1d(512, 1024, 1, bias=False), self.bn5)
        if classes is not None:
            self.linear1, self.bn6 = nn.Linear(2048, 512, bias=False), nn.BatchNorm1d(512)
            self.linear2, self.bn7 = nn.Linear(512, 256), nn.BatchNorm1d(256)
            self.linear3 = nn.Linear(256, classes)

    def edges(self, x):
        """Features (b, n, c) to [neighbour - own, own] (b, 2c, n, k), neighbours in the space of the features."""
        near = nearest(expanded_squared_distances(x, x), self.k)
        self.sampled[f"knn_idx_{len(self.sampled)}"] = near
        own = x.unsqueeze(2).expand(-1, -1, self.k, -1)
        return torch.cat([take(x, near) - own, own], 3).permute(0, 3, 1, 2)

    def features(self, points):
        x, outputs = points, []
        for conv in [self.conv1, self.conv2, self.conv3, self.conv4]:
            outputs.append(conv(self.edges(x)).amax(3))
            x = outputs[-1].transpose(1, 2)
        x = self.conv5(torch.cat(outputs, 1))
        return torch.cat([x.amax(2), x.mean(2)], 1)

    def logits(self, x):
        x = F.leaky_relu(self.bn6(self.linear1(x)), 0.2)
        x = F.leaky_relu(self.bn7(self.linear2(x)), 0.2)
        return self.linear3(x)
