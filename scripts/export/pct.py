"""PCT (Guo et al. 2021, arXiv 2012.09688), classification, as in Strawberry-Eat-Mango/PCT_Pytorch."""

import torch
from torch import nn
from torch.nn import functional as F

from backbone import Backbone
from operators import expanded_squared_distances, farthest_points_gpu, nearest, take


class Local(nn.Module):
    """Two convolutions over each group, then its maximum: (b, s, k, c) to (b, s, c)."""

    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(width, width, 1, bias=False), nn.BatchNorm1d(width)
        self.conv2, self.bn2 = nn.Conv1d(width, width, 1, bias=False), nn.BatchNorm1d(width)

    def forward(self, x):
        s, k, c = (int(n) for n in x.shape[1:])
        x = x.reshape(-1, k, c).transpose(1, 2)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return x.amax(2).reshape(-1, s, c)


class OffsetAttention(nn.Module):
    """Self-attention of (b, c, n) whose result is subtracted from its input. Query and key share one weight; rows are
    normalised by a softmax, then columns by their sum."""

    def __init__(self, width):
        super().__init__()
        self.q_conv = nn.Conv1d(width, width // 4, 1, bias=False)
        self.k_conv = nn.Conv1d(width, width // 4, 1, bias=False)
        self.k_conv.weight = self.q_conv.weight
        self.v_conv, self.trans_conv = nn.Conv1d(width, width, 1), nn.Conv1d(width, width, 1)
        self.after_norm = nn.BatchNorm1d(width)

    def forward(self, x):
        attention = (self.q_conv(x).transpose(1, 2) @ self.k_conv(x)).softmax(2)
        attention = attention / (1e-9 + attention.sum(1, keepdim=True))
        return x + F.relu(self.after_norm(self.trans_conv(x - self.v_conv(x) @ attention)))


class Attentions(nn.Module):
    """Four attention layers after two convolutions; all four outputs: (b, 256, n) to (b, 1024, n)."""

    def __init__(self, width=256):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(width, width, 1, bias=False), nn.Conv1d(width, width, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm1d(width), nn.BatchNorm1d(width)
        self.sa1, self.sa2 = OffsetAttention(width), OffsetAttention(width)
        self.sa3, self.sa4 = OffsetAttention(width), OffsetAttention(width)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        outputs = []
        for attention in [self.sa1, self.sa2, self.sa3, self.sa4]:
            x = attention(x)
            outputs.append(x)
        return torch.cat(outputs, 1)


class PCT(Backbone):
    CONFIGS = {"modelnet40": {"points": 1024, "classes": 40}}
    HEAD = ("linear1", "linear2", "linear3", "bn6", "bn7")
    CLASSIFIER = ("linear3.weight",)

    def __init__(self, points, classes, centres=(512, 256), k=32):
        super().__init__(points, classes)
        self.centres, self.k = centres, k
        self.conv1, self.bn1 = nn.Conv1d(3, 64, 1, bias=False), nn.BatchNorm1d(64)
        self.conv2, self.bn2 = nn.Conv1d(64, 64, 1, bias=False), nn.BatchNorm1d(64)
        self.gather_local_0, self.gather_local_1 = Local(128), Local(256)
        self.pt_last = Attentions()
        self.conv_fuse = nn.Sequential(
            nn.Conv1d(1280, 1024, 1, bias=False), nn.BatchNorm1d(1024), nn.LeakyReLU(0.2))
        if classes is not None:
            self.linear1, self.bn6 = nn.Linear(1024, 512, bias=False), nn.BatchNorm1d(512)
            self.linear2, self.bn7 = nn.Linear(512, 256), nn.BatchNorm1d(256)
            self.linear3 = nn.Linear(256, classes)

    def group(self, stage, points, x):
        """[neighbour - centre, centre] of the features around sampled points: (b, s, k, 2c)."""
        index = farthest_points_gpu(points, self.centres[stage])
        centres, own = take(points, index), take(x, index).unsqueeze(2).expand(-1, -1, self.k, -1)
        near = nearest(expanded_squared_distances(centres, points), self.k)
        self.sampled |= {f"fps_idx_{stage}": index, f"knn_idx_{stage}": near}
        return centres, torch.cat([take(x, near) - own, own], 3)

    def features(self, points):
        x = F.relu(self.bn1(self.conv1(points.transpose(1, 2))))
        x = F.relu(self.bn2(self.conv2(x))).transpose(1, 2)
        for stage, local in enumerate([self.gather_local_0, self.gather_local_1]):
            points, groups = self.group(stage, points, x)
            x = local(groups)
        x = x.transpose(1, 2)
        return self.conv_fuse(torch.cat([self.pt_last(x), x], 1)).amax(2)

    def logits(self, x):
        x = F.leaky_relu(self.bn6(self.linear1(x)), 0.2)
        x = F.leaky_relu(self.bn7(self.linear2(x)), 0.2)
        return self.linear3(x)
