"""PointNet (Qi et al. 2017, arXiv 1612.00593), classification without normals, as in
yanx27/Pointnet_Pointnet2_pytorch."""

import torch
from torch import nn
from torch.nn import functional as F

from backbone import Backbone


class Transform(nn.Module):
    """Predicts a k x k matrix from (b, inputs, n), as a difference from the identity."""

    def __init__(self, k):
        super().__init__()
        self.k = k
        self.conv1, self.conv2, self.conv3 = nn.Conv1d(k, 64, 1), nn.Conv1d(64, 128, 1), nn.Conv1d(128, 1024, 1)
        self.fc1, self.fc2, self.fc3 = nn.Linear(1024, 512), nn.Linear(512, 256), nn.Linear(256, k * k)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm1d(64), nn.BatchNorm1d(128), nn.BatchNorm1d(1024)
        self.bn4, self.bn5 = nn.BatchNorm1d(512), nn.BatchNorm1d(256)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x))).amax(2)
        x = F.relu(self.bn4(self.fc1(x)))
        x = F.relu(self.bn5(self.fc2(x)))
        return self.fc3(x).reshape(-1, self.k, self.k) + torch.eye(self.k)


class Trunk(nn.Module):
    """Points (b, n, 3) to features (b, 1024). The rows are multiplied by the matrices from the left."""

    def __init__(self):
        super().__init__()
        self.stn, self.fstn = Transform(3), Transform(64)
        self.conv1, self.conv2, self.conv3 = nn.Conv1d(3, 64, 1), nn.Conv1d(64, 128, 1), nn.Conv1d(128, 1024, 1)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm1d(64), nn.BatchNorm1d(128), nn.BatchNorm1d(1024)

    def forward(self, points):
        x = (points @ self.stn(points.transpose(1, 2))).transpose(1, 2)
        x = F.relu(self.bn1(self.conv1(x)))
        x = (x.transpose(1, 2) @ self.fstn(x)).transpose(1, 2)
        x = F.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x)).amax(2)  # no ReLU here


class PointNet(Backbone):
    """The reference returns log-probabilities; `logits` is their argument."""

    CONFIGS = {"modelnet40": {"points": 1024, "classes": 40}}
    HEAD = ("fc1", "fc2", "fc3", "bn1", "bn2")
    CLASSIFIER = ("fc3.weight",)

    def __init__(self, points, classes):
        super().__init__(points, classes)
        self.feat = Trunk()
        if classes is not None:
            self.fc1, self.fc2, self.fc3 = nn.Linear(1024, 512), nn.Linear(512, 256), nn.Linear(256, classes)
            self.bn1, self.bn2 = nn.BatchNorm1d(512), nn.BatchNorm1d(256)

    def features(self, points):
        return self.feat(points)

    def logits(self, x):
        x = F.relu(self.bn1(self.fc1(x)))
        x = F.relu(self.bn2(self.fc2(x)))
        return self.fc3(x)
