"""Architectures over point clouds (batch, 3, 32), or (batch, 32, 3) where their authors have it so."""

import torch
from torch import nn
from torch.nn import functional as F

from heads import head


class TNet(nn.Module):
    """Predicts a transform of k dimensions, as a difference from the identity."""

    def __init__(self, k):
        super().__init__()
        self.k = k
        self.conv1, self.conv2 = nn.Conv1d(k, 8, 1), nn.Conv1d(8, 12, 1)
        self.fc1, self.fc2 = nn.Linear(12, 8), nn.Linear(8, k * k)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm1d(8), nn.BatchNorm1d(12), nn.BatchNorm1d(8)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = torch.max(x, 2)[0]
        x = self.fc2(F.relu(self.bn3(self.fc1(x))))
        return x.view(-1, self.k, self.k) + torch.eye(self.k)


class PointNet(nn.Module):
    def __init__(self, kind="classes5"):
        super().__init__()
        self.input_transform, self.feature_transform = TNet(3), TNet(8)
        self.conv1, self.conv2, self.conv3 = nn.Conv1d(3, 8, 1), nn.Conv1d(8, 12, 1), nn.Conv1d(12, 16, 1)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm1d(8), nn.BatchNorm1d(12), nn.BatchNorm1d(16)
        self.fc1, self.bn4 = nn.Linear(16, 8), nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.3)
        self.head = head(8, kind, nn.BatchNorm1d)

    def forward(self, x):
        x = torch.bmm(x.transpose(2, 1), self.input_transform(x)).transpose(2, 1)
        x = F.relu(self.bn1(self.conv1(x)))
        x = torch.bmm(x.transpose(2, 1), self.feature_transform(x)).transpose(2, 1)
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x = torch.max(x, 2)[0]
        return F.log_softmax(self.head(F.relu(self.bn4(self.dropout(self.fc1(x))))), 1)


def edge_features(x, k):
    """DGCNN's graph features of (batch, channels, points), with flat indices as its authors have them."""
    b, c, n = x.shape
    inner = -2 * torch.matmul(x.transpose(2, 1), x)
    square = (x**2).sum(1, keepdim=True)
    index = (-square - inner - square.transpose(2, 1)).topk(k, dim=-1)[1]
    index = (index + torch.arange(b, device=x.device).view(-1, 1, 1) * n).view(-1)
    x = x.transpose(2, 1).contiguous()
    near = x.view(b * n, c)[index, :].view(b, n, k, c)
    x = x.view(b, n, 1, c).repeat(1, 1, k, 1)
    return torch.cat((near - x, x), 3).permute(0, 3, 1, 2).contiguous()


class DGCNN(nn.Module):
    """Three edge convolutions, the last two of one shape."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = self.edge(6, 6), self.edge(12, 6), self.edge(12, 6)
        self.conv4 = nn.Sequential(nn.Conv1d(18, 12, 1, bias=False), nn.BatchNorm1d(12), nn.LeakyReLU(0.2))
        self.linear1, self.bn = nn.Linear(24, 8, bias=False), nn.BatchNorm1d(8)
        self.linear2 = nn.Linear(8, 5)

    @staticmethod
    def edge(cin, cout):
        return nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout), nn.LeakyReLU(0.2))

    def forward(self, x):
        parts = []
        for conv in [self.conv1, self.conv2, self.conv3]:
            x = conv(edge_features(x, 4)).max(-1)[0]
            parts.append(x)
        x = self.conv4(torch.cat(parts, 1))
        x = torch.cat([x.max(-1)[0], x.mean(-1)], 1)
        return self.linear2(F.leaky_relu(self.bn(self.linear1(x)), 0.2))


def gather(x, index):
    """Rows of x (batch, points, channels) at index (batch, ...), by PointNet++'s indexing."""
    batch = torch.arange(len(x)).view(-1, *[1] * (index.dim() - 1)).expand_as(index)
    return x[batch, index]


def neighbours(centres, points, k):
    distance = ((centres[:, :, None] - points[:, None]) ** 2).sum(-1)
    return distance.topk(k, dim=-1, largest=False)[1]


class SetAbstraction(nn.Module):
    """Groups points around every stride-th one, and pools over the group."""

    def __init__(self, stride, cin, widths):
        super().__init__()
        self.stride = stride
        widths = [cin + 3, *widths]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(widths, widths[1:]))
        self.bns = nn.ModuleList(nn.BatchNorm2d(o) for o in widths[1:])

    def forward(self, xyz, features):
        centres = xyz[:, ::self.stride]
        index = neighbours(centres, xyz, 4)
        x = gather(xyz, index) - centres[:, :, None]
        if features is not None:
            x = torch.cat([x, gather(features, index)], -1)
        x = x.permute(0, 3, 2, 1)
        for conv, bn in zip(self.convs, self.bns):
            x = F.relu(bn(conv(x)))
        return centres, x.max(2)[0].transpose(1, 2)


class PointNet2(nn.Module):
    def __init__(self):
        super().__init__()
        self.sa1, self.sa2 = SetAbstraction(2, 0, [8, 8, 8]), SetAbstraction(2, 8, [8, 8, 12])
        self.conv, self.bn = nn.Conv1d(12, 12, 1), nn.BatchNorm1d(12)
        self.fc1, self.fc2 = nn.Linear(12, 8), nn.Linear(8, 5)

    def forward(self, x):
        xyz, features = self.sa2(*self.sa1(x, None))
        x = F.relu(self.bn(self.conv(features.transpose(1, 2)))).max(2)[0]
        return self.fc2(F.relu(self.fc1(x)))


class VectorAttention(nn.Module):
    """A block of the point transformer: six layers of one shape in it."""

    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.delta = nn.Sequential(nn.Linear(3, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.gamma = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.query, self.key, self.value = (nn.Linear(dim, dim, bias=False) for _ in range(3))

    def forward(self, xyz, features):
        index = neighbours(xyz, xyz, 4)
        x = self.fc1(features)
        q, k, v = self.query(x), gather(self.key(x), index), gather(self.value(x), index)
        position = self.delta(xyz[:, :, None] - gather(xyz, index))
        attention = F.softmax(self.gamma(q[:, :, None] - k + position) / x.shape[-1] ** 0.5, dim=-2)
        return self.fc2(torch.einsum("bmnf,bmnf->bmf", attention, v + position)) + features


class PointTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8))
        self.blocks = nn.ModuleList(VectorAttention(8) for _ in range(2))
        self.fc1, self.fc2 = nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x):
        features = self.stem(x)
        for block in self.blocks:
            features = block(x, features)
        return self.fc2(F.relu(self.fc1(features.mean(1))))
