"""Architectures that take images (batch, 3, 16, 16). They have few channels; they are chosen for
sequences of layers of equal shape and for operators that exporters write differently."""

import torch
from torch import nn
from torch.nn import functional as F

from heads import head


def conv_bn(cin, cout, kernel=3, stride=1, groups=1, act=None):
    layers = [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([act] if act else []))


class BasicBlock(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet(nn.Module):
    """A stem and two stages of two blocks; the first stage's blocks are alike, as are
    the four convolutions in them."""

    def __init__(self, kind="classes5"):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(BasicBlock(4, 4), BasicBlock(4, 4))
        self.layer2 = nn.Sequential(BasicBlock(4, 6, 2), BasicBlock(6, 6))
        self.head = head(6, kind, nn.BatchNorm1d)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer2(self.layer1(x))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Depthwise(nn.Module):
    """MobileNet's depthwise and ShuffleNet's grouped convolutions, with a shuffle of channels."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8, stride=2, act=nn.ReLU6())
        self.blocks = nn.ModuleList(
            nn.Sequential(conv_bn(8, 8, groups=8, act=nn.ReLU6()), conv_bn(8, 8, kernel=1, act=nn.ReLU6()))
            for _ in range(2))
        self.grouped = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1, groups=4) for _ in range(2))
        self.last = nn.Conv2d(8, 12, 1)
        self.classifier = nn.Linear(12, 5)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x) + x
        for conv in self.grouped:
            b, c, h, w = x.shape
            x = F.relu(conv(x)).view(b, 4, c // 4, h, w).transpose(1, 2).reshape(b, c, h, w)
        return self.classifier(self.last(x).mean((2, 3)))


class UNet(nn.Module):
    """Skips joined by Concat, transposed convolutions, and GroupNorm, which exporters write
    as InstanceNormalization or decompose."""

    def __init__(self):
        super().__init__()
        self.enc1, self.enc2 = self.double(3, 4), self.double(4, 4)
        self.middle = self.double(4, 8)
        self.norm = nn.GroupNorm(4, 8)
        self.up2, self.dec2 = nn.ConvTranspose2d(8, 4, 2, 2), self.double(8, 4)
        self.up1, self.dec1 = nn.ConvTranspose2d(4, 4, 2, 2), self.double(8, 4)
        self.mask = nn.Conv2d(4, 2, 1)

    @staticmethod
    def double(cin, cout):
        return nn.Sequential(conv_bn(cin, cout, act=nn.ReLU()), conv_bn(cout, cout, act=nn.ReLU()))

    def forward(self, x):
        e1 = self.enc1(x)
        e2 = self.enc2(F.max_pool2d(e1, 2))
        m = self.norm(self.middle(F.max_pool2d(e2, 2)))
        d2 = self.dec2(torch.cat([e2, self.up2(m)], 1))
        d1 = self.dec1(torch.cat([e1, self.up1(d2)], 1))
        return self.mask(d1)


class SEBlock(nn.Module):
    def __init__(self, channels, wide):
        super().__init__()
        self.expand = conv_bn(channels, wide, kernel=1, act=nn.Hardswish())
        self.depthwise = conv_bn(wide, wide, groups=wide, act=nn.Hardswish())
        self.fc1, self.fc2 = nn.Conv2d(wide, 4, 1), nn.Conv2d(4, wide, 1)
        self.project = conv_bn(wide, channels, kernel=1)

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        scale = F.hardsigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(y, 1)))))
        return x + self.project(y * scale)


class SENet(nn.Module):
    """Two equal MobileNetV3 blocks: hardswish and squeeze-and-excite."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 6, stride=2, act=nn.Hardswish())
        self.blocks = nn.Sequential(SEBlock(6, 12), SEBlock(6, 12))
        self.pre, self.classifier = nn.Linear(6, 10), nn.Linear(10, 5)

    def forward(self, x):
        x = self.blocks(self.stem(x)).mean((2, 3))
        return self.classifier(F.hardswish(self.pre(x)))


class Branches(nn.Module):
    """Two branches of one structure and different weights, on the same input. Only
    the order in Concat distinguishes them."""

    def __init__(self):
        super().__init__()
        self.left, self.right = self.branch(), self.branch()
        self.fuse = nn.Linear(16, 8)
        self.classifier = nn.Linear(8, 5)

    @staticmethod
    def branch():
        return nn.Sequential(
            conv_bn(3, 6, stride=2), nn.PReLU(6), conv_bn(6, 6), nn.PReLU(6),
            nn.Conv2d(6, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x):
        both = torch.cat([self.left(x), self.right(x)], 1)
        return self.classifier(torch.sigmoid(self.fuse(both)))
