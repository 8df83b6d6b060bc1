"""ReCon (Qi et al. 2023, arXiv 2302.02318), as in qizekun/ReCon."""

import torch
from torch import nn

from backbone import mlp_head
from operators import expanded_squared_distances
from point_mae import WIDTH, PointMAE
from transformer import MLP, Attention, attend, one_per_cloud, split_heads

TOKENS = ("cls", "img", "text")


class CrossAttention(nn.Module):
    """Queries from the tokens, keys and values from the patches."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q, self.kv = nn.Linear(dim, dim, bias=False), nn.Linear(dim, 2 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens, patches):
        q, = split_heads(self.q(tokens), 1, self.heads)
        return self.proj(attend(q, *split_heads(self.kv(patches), 2, self.heads)))


class ReConBlock(nn.Module):
    """Two streams: patches see patches, tokens see patches. Residuals are added to the normed values, so each
    LayerNorm cuts its stream."""

    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn, self.mlp = Attention(dim, heads), MLP(dim)
        self.norm1_contrast, self.norm2_contrast = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn_contrast, self.mlp_contrast = CrossAttention(dim, heads), MLP(dim)

    def forward(self, x):
        tokens, patches = self.norm1_contrast(x[:, : len(TOKENS)]), self.norm1(x[:, len(TOKENS) :])
        tokens = self.norm2_contrast(tokens + self.attn_contrast(tokens, patches))
        patches = self.norm2(patches + self.attn(patches))
        return torch.cat([tokens + self.mlp_contrast(tokens), patches + self.mlp(patches)], 1)


class ReCon(PointMAE):
    """Three class tokens, all of them pre-trained. The head is one Linear in the "linear" protocol."""

    CONFIGS = {
        "modelnet40": {"points": 1024, "groups": 64, "classes": 40},
        "modelnet40-8k": {"points": 8192, "groups": 512, "classes": 40},
        "scanobjectnn": {"points": 2048, "groups": 128, "classes": 15},
        "modelnet40-linear": {"points": 1024, "groups": 64, "classes": 40, "linear": True},
        "scanobjectnn-linear": {"points": 2048, "groups": 128, "classes": 15, "linear": True},
    }
    PREFIX = "MAE_encoder."
    PRETRAINING = (
        "mask_token", "decoder_pos_embed", "MAE_decoder", "increase_dim", "img_proj", "text_proj", "img_encoder",
        "text_encoder")
    UNTRAINED = ()
    CLASSIFIER = ("cls_head_finetune.8.weight", "cls_head_finetune.0.weight")
    POOLS = ("cls", "clsmax", "max", "mean", "sum")

    def __init__(self, points, classes, groups, k=32, pool="cls+max", linear=False, pretrained=False):
        self.linear = linear
        super().__init__(points, classes, groups, k, pool)
        for name in TOKENS[1:]:
            setattr(self, f"{name}_token", nn.Parameter(torch.zeros(1, 1, WIDTH)))
            setattr(self, f"{name}_pos", nn.Parameter(torch.zeros(1, 1, WIDTH)))

    def block(self):
        return ReConBlock(WIDTH, 6)

    def head(self, width, classes):
        return nn.Sequential(nn.Linear(width, classes)) if self.linear else mlp_head(width, classes)

    def class_tokens(self):
        return len(TOKENS)

    def distances(self, centres, points):
        return expanded_squared_distances(centres, points)

    def special(self, points):
        return tuple(torch.cat([one_per_cloud(getattr(self, f"{name}_{part}"), points) for name in TOKENS], 1)
                     for part in ("token", "pos"))
