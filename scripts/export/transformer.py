"""The parts of Point-MAE, Point-BERT, Point-M2AE and ReCon, in their tensor names."""

import torch
from torch import nn


class PatchEncoder(nn.Module):
    """Patches (b, s, k, inputs) to tokens (b, s, outputs): a PointNet of two halves, where each point of
    the second sees the maximum of the first."""

    def __init__(self, inputs, hidden, middle, wide, outputs):
        super().__init__()
        self.first_conv = self.half(inputs, hidden, middle)
        self.second_conv = self.half(2 * middle, wide, outputs)

    @staticmethod
    def half(inputs, hidden, outputs):
        return nn.Sequential(
            nn.Conv1d(inputs, hidden, 1), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Conv1d(hidden, outputs, 1))

    def forward(self, patches):
        s, k, c = (int(n) for n in patches.shape[1:])
        x = self.first_conv(patches.reshape(-1, k, c).transpose(1, 2))
        whole = x.amax(2, keepdim=True).expand(-1, -1, k)
        x = self.second_conv(torch.cat([whole, x], 1)).amax(2)
        return x.reshape(-1, s, x.shape[1])


def position_embedding(hidden, outputs):
    return nn.Sequential(nn.Linear(3, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def split_heads(x, parts, heads):
    """(b, t, parts * heads * d) to parts of (b, heads, t, d)."""
    t, width = int(x.shape[1]), int(x.shape[2]) // (parts * heads)
    return x.reshape(-1, t, parts, heads, width).permute(2, 0, 3, 1, 4).unbind(0)


def attend(q, k, v, mask=None):
    """Attention of (b, heads, t, d), heads joined again: (b, t, heads * d). The mask is added to the logits."""
    heads, t, width = (int(n) for n in q.shape[1:])
    logits = (q @ k.transpose(2, 3)) * width**-0.5
    if mask is not None:
        logits = logits + mask
    return (logits.softmax(3) @ v).transpose(1, 2).reshape(-1, t, heads * width)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x, mask=None):
        return self.proj(attend(*split_heads(self.qkv(x), 3, self.heads), mask))


class MLP(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """The usual pre-norm block. LayerNorm's epsilon is 1e-5, PyTorch's own."""

    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn, self.mlp = Attention(dim, heads), MLP(dim)

    def forward(self, x, mask=None):
        x = x + self.attn(self.norm1(x), mask)
        return x + self.mlp(self.norm2(x))


class Blocks(nn.Module):
    """Adds the positions before every block, not only before the first."""

    def __init__(self, blocks):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x, positions, *mask):
        for block in self.blocks:
            x = block(x + positions, *mask)
        return x


def one_per_cloud(parameter, points):
    """A parameter (1, 1, c) for each cloud. It is added to a zero that is made from the points, because a weight that
    is added may be there or not: so merging sees the same graph where only one of two models has it."""
    return points[:, :1, :1] * 0 + parameter
