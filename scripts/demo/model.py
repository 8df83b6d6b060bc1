"""A small PointNet-like classifier with BatchNorm.

Module names become tensor and node names in the ONNX files.
"""

import torch
from torch import nn

FEATURES = 128


class Classifier(nn.Module):
    """(batch, points, 3) -> features (batch, 128) and logits (batch, classes); any number of points."""

    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 32, 1, bias=False)
        self.bn1 = nn.BatchNorm1d(32)
        self.conv2 = nn.Conv1d(32, 32, 1, bias=False)
        self.bn2 = nn.BatchNorm1d(32)
        self.context = nn.Linear(32, 64)  # the global feature, for each point
        self.conv3 = nn.Conv1d(32, 64, 1, bias=False)
        self.bn3 = nn.BatchNorm1d(64)
        self.conv4 = nn.Conv1d(64, 128, 1, bias=False)
        self.bn4 = nn.BatchNorm1d(128)
        self.fc1 = nn.Linear(256, 128, bias=False)
        self.bn5 = nn.BatchNorm1d(128)
        self.fc2 = nn.Linear(128, FEATURES, bias=False)
        self.bn6 = nn.BatchNorm1d(FEATURES)
        self.head = nn.Linear(FEATURES, classes)
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
        features = self.features(points)
        return features, self.head(features)

    def restricted(self, rows):
        """The same network with the head's rows of some classes."""
        other = Classifier(len(rows))
        state = dict(self.state_dict())
        state |= {name: state[name][rows] for name in ("head.weight", "head.bias")}
        other.load_state_dict(state)
        return other
