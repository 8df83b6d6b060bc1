"""Architectures over vectors and sequences: a perceptron, transformers, recurrent nets."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from heads import head


class MLP(nn.Module):
    """(batch, 6) through four layers, the inner two square and alike."""

    def __init__(self, kind="classes5"):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 12), nn.Linear(12, 12), nn.Linear(12, 12)
        self.fc4 = nn.Linear(12, 8, bias=False)
        self.head = head(8, kind, nn.LayerNorm)

    def forward(self, x):
        for fc in [self.fc1, self.fc2, self.fc3, self.fc4]:
            x = F.gelu(fc(x))
        return self.head(x)


class Block(nn.Module):
    """A pre-norm transformer block with queries, keys and values in one layer, as in timm."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.gamma = nn.Parameter(torch.ones(dim))  # LayerScale

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        y = (y.softmax(-1) @ v).transpose(1, 2).reshape(b, n, d)
        x = x + self.gamma * self.proj(y)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    """Images (batch, 3, 8, 8) in patches of 4, a class token, two equal blocks."""

    def __init__(self, kind="classes5"):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.pos_embed = nn.Parameter(torch.zeros(1, 5, 8))
        self.blocks = nn.Sequential(Block(8, 2), Block(8, 2))
        self.norm = nn.LayerNorm(8)
        self.head = head(8, kind, nn.LayerNorm)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class BertLayer(nn.Module):
    """A post-norm layer with separate queries, keys and values: four equal square matrices."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.dense, self.norm = nn.Linear(dim, dim), nn.LayerNorm(dim)
        self.intermediate, self.output = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.output_norm = nn.LayerNorm(dim)

    def split(self, x):
        b, n, d = x.shape
        return x.view(b, n, self.heads, d // self.heads).transpose(1, 2)

    def forward(self, x, mask):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask
        y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = self.norm(x + self.dense(y))
        return self.output_norm(x + self.output(F.gelu(self.intermediate(x))))


class BERT(nn.Module):
    """Tokens (batch, 6) and their mask to scores over the vocabulary. The decoder's matrix
    is the embedding's."""

    def __init__(self):
        super().__init__()
        self.word, self.position, self.token_type = nn.Embedding(20, 8), nn.Embedding(10, 8), nn.Embedding(2, 8)
        self.norm = nn.LayerNorm(8)
        self.layers = nn.ModuleList(BertLayer(8, 2) for _ in range(2))
        self.transform, self.transform_norm = nn.Linear(8, 8), nn.LayerNorm(8)
        self.decoder = nn.Linear(8, 20)
        self.decoder.weight = self.word.weight
        self.register_buffer("position_ids", torch.arange(10).unsqueeze(0))

    def forward(self, tokens, mask):
        positions = self.position_ids[:, :tokens.shape[1]]
        x = self.word(tokens) + self.position(positions) + self.token_type(torch.zeros_like(tokens))
        x = self.norm(x)
        mask = (1.0 - mask[:, None, None, :].float()) * -10000.0
        for layer in self.layers:
            x = layer(x, mask)
        return self.decoder(self.transform_norm(F.gelu(self.transform(x))))


class CrossAttention(nn.Module):
    """A decoder over memory with PyTorch's own attention, whose queries, keys and values are
    one matrix: sliced in the cross-attention, whole in the self-attention. The positions
    are a buffer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(6, 8)
        self.queries = nn.Parameter(torch.zeros(3, 8))
        self.attend = nn.ModuleList(nn.MultiheadAttention(8, 2, batch_first=True) for _ in range(2))
        self.cross = nn.ModuleList(nn.MultiheadAttention(8, 2, batch_first=True) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(4))
        self.classifier = nn.Linear(8, 5)
        angles = torch.arange(5)[:, None] / 90 ** (torch.arange(4) / 4)
        phases = torch.arange(1, 5) / 9  # without them the first row would be the same number over and over
        self.register_buffer("positions", torch.cat([(angles + phases).sin(), (angles + phases).cos()], 1))

    def forward(self, x):
        memory = self.embed(x) + self.positions
        y = self.queries.expand(len(x), -1, -1)
        for i in range(2):
            y = self.norms[2 * i](y + self.attend[i](y, y, y)[0])
            y = self.norms[2 * i + 1](y + self.cross[i](y, memory, memory)[0])
        return self.classifier(y)

    def computed(self):
        """Computations that depend on no input, which an exporter may do in advance."""
        y = self.queries[None]
        y = y + self.attend[0](y, y, y)[0]
        yield "queries + attend.0(queries)", y
        weight, bias = (p.chunk(3)[0] for p in [self.cross[0].in_proj_weight, self.cross[0].in_proj_bias])
        y = self.norms[0](y)
        yield "norms.0(queries + attend.0(queries))", y
        q = F.linear(y, weight, bias)
        yield "cross.0's scaled queries from norms.0(queries + attend.0(queries))", q.view(3, 2, 4).transpose(0, 1) / 2


class Recurrent(nn.Module):
    """An LSTM of two equal layers and a bidirectional GRU over (batch, 3, 4)."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 4, num_layers=2, batch_first=True)
        self.gru = nn.GRU(4, 4, bidirectional=True, batch_first=True)
        self.classifier = nn.Linear(8, 5)

    def forward(self, x):
        x, _ = self.lstm(x)
        x, _ = self.gru(x)
        return self.classifier(x[:, -1])
