"""Two small classifiers with BatchNorm. Module names become tensor and node names in the ONNX files."""

import torch
from torch import nn


class DigitsNet(nn.Module):
    """A CNN with one residual block: (batch, 1, 8, 8) -> features (batch, 64) and logits (batch, 10)."""

    sample = (1, 8, 8)
    open_axes = {}

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(32)
        self.conv4 = nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False)
        self.bn4 = nn.BatchNorm2d(64)
        self.head = nn.Linear(64, 10)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        branch = self.relu(self.bn2(self.conv2(x)))
        x = self.relu(x + self.bn3(self.conv3(branch)))
        x = self.relu(self.bn4(self.conv4(x)))
        features = torch.mean(x, (2, 3))
        return features, self.head(features)


class CloudsNet(nn.Module):
    """A PointNet without transforms: (batch, points, 3) -> features (batch, 64) and logits (batch, 10)."""

    sample = (128, 3)
    open_axes = {1: "points"}

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 32, 1, bias=False)
        self.bn1 = nn.BatchNorm1d(32)
        self.conv2 = nn.Conv1d(32, 64, 1, bias=False)
        self.bn2 = nn.BatchNorm1d(64)
        self.conv3 = nn.Conv1d(64, 128, 1, bias=False)
        self.bn3 = nn.BatchNorm1d(128)
        self.fc1 = nn.Linear(128, 64, bias=False)
        self.bn4 = nn.BatchNorm1d(64)
        self.head = nn.Linear(64, 10)
        self.relu = nn.ReLU()

    def forward(self, points):
        x = points.transpose(1, 2)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.relu(self.bn3(self.conv3(x)))
        features = self.relu(self.bn4(self.fc1(torch.amax(x, 2))))
        return features, self.head(features)
