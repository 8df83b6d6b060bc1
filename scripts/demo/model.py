"""A small PointNet-like backbone with BatchNorm, and the same with a head.

Module names become tensor and node names in the ONNX files, so the classifier
extends the backbone instead of wrapping it: both files then have the
same names except for the head.
"""

import torch
from torch import nn

FEATURES = 256


class Backbone(nn.Module):
    """(batch, points, 3) -> features (batch, 256); any number of points."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 64, 1, bias=False)
        self.bn1 = nn.BatchNorm1d(64)
        self.conv2 = nn.Conv1d(64, 64, 1, bias=False)
        self.bn2 = nn.BatchNorm1d(64)
        self.context = nn.Linear(64, 128)  # the global feature, for each point
        self.conv3 = nn.Conv1d(64, 128, 1, bias=False)
        self.bn3 = nn.BatchNorm1d(128)
        self.conv4 = nn.Conv1d(128, 256, 1, bias=False)
        self.bn4 = nn.BatchNorm1d(256)
        self.fc1 = nn.Linear(512, 256, bias=False)
        self.bn5 = nn.BatchNorm1d(256)
        self.fc2 = nn.Linear(256, FEATURES, bias=False)
        self.bn6 = nn.BatchNorm1d(FEATURES)
        self.relu = nn.ReLU()

    def features(self, points):
        x = points.transpose(1, 2)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        whole = self.context(torch.amax(x, 2))
        x = self.relu(self.bn3(self.conv3(x) + whole.unsqueeze(2)))
        x = self.relu(self.bn4(self.conv4(x)))
        x = torch.cat([torch.amax(x, 2), torch.mean(x, 2)], 1)
        x = self.relu(self.bn5(self.fc1(x)))
        return self.relu(self.bn6(self.fc2(x)))

    def forward(self, points):
        return self.features(points)


class Classifier(Backbone):
    """The backbone with a linear head: (features, logits)."""

    def __init__(self, classes):
        super().__init__()
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, points):
        features = self.features(points)
        return features, self.head(features)
