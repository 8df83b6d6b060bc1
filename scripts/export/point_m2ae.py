"""Point-M2AE (Zhang et al. 2022, arXiv 2205.14401), as in ZrrSkywalker/Point-M2AE."""

import torch
from torch import nn

from backbone import Backbone, mlp_head, pool, pooled_width
from operators import farthest_points_gpu, nearest, squared_distances, take
from transformer import Block, Blocks, PatchEncoder, position_embedding

CENTRES, WIDTHS, RADII = (512, 256, 64), (96, 192, 384), (0.32, 0.64, 1.28)
MASKED = -100000.0  # added to the attention logit of two centres a radius or more apart


class Encoder(nn.Module):
    """Three stages, each sampling from the one before. `stage_norm` is the last of the norms that end the
    encoder in pre-training alone."""

    def __init__(self, neighbours, stage_norm):
        super().__init__()
        self.neighbours = neighbours
        self.token_embed = nn.ModuleList([PatchEncoder(3, 128, 256, 512, WIDTHS[0])] + [
            PatchEncoder(a, a, a, b, b) for a, b in zip(WIDTHS, WIDTHS[1:])])
        self.encoder_pos_embeds = nn.ModuleList(position_embedding(c, c) for c in WIDTHS)
        self.encoder_blocks = nn.ModuleList(Blocks(Block(c, 6) for _ in range(5)) for c in WIDTHS)
        if stage_norm:
            self.encoder_norms = nn.ModuleDict({"2": nn.LayerNorm(WIDTHS[2])})

    def forward(self, points, sampled):
        x = None
        for i, blocks in enumerate(self.encoder_blocks):
            index = farthest_points_gpu(points, CENTRES[i])
            centres = take(points, index)
            near = nearest(squared_distances(centres, points), self.neighbours[i])
            sampled |= {f"fps_idx_{i}": index, f"knn_idx_{i}": near}
            patches = take(points, near) - centres.unsqueeze(2) if x is None else take(x, near)
            apart = (squared_distances(centres, centres).sqrt() >= RADII[i]).unsqueeze(1)
            x = blocks(self.token_embed[i](patches), self.encoder_pos_embeds[i](centres), apart * MASKED)
            points = centres
        return self.encoder_norms["2"](x) if hasattr(self, "encoder_norms") else x


class PointM2AE(Backbone):
    """The final `norm` is made in fine-tuning: an export of a pre-trained checkpoint is without it, and has
    the norm of pre-training in its place only on request."""

    CONFIGS = {
        "modelnet40": {"points": 1024, "neighbours": (16, 8, 8), "pool": "sum", "classes": 40},
        "scanobjectnn": {"points": 2048, "neighbours": (32, 16, 16), "pool": "mean+max1", "classes": 15},
    }
    PRETRAINING = (
        "h_encoder.encoder_norms", "mask_token", "h_decoder", "decoder_pos_embeds", "token_prop", "decoder_norm",
        "rec_head")
    UNTRAINED = ("norm",)
    CLASSIFIER = ("cls_head_finetune.8.weight",)
    POOLS = ("max", "max1", "mean", "sum")

    def __init__(self, points, classes, neighbours, pool, pretrained=False, stage_norm=False):
        super().__init__(points, classes)
        self.pool = pool
        self.h_encoder = Encoder(neighbours, stage_norm)
        if not pretrained:
            self.norm = nn.LayerNorm(WIDTHS[2])
        if classes is not None:
            self.cls_head_finetune = mlp_head(pooled_width(pool, WIDTHS[2]), classes)

    def features(self, points):
        x = self.h_encoder(points, self.sampled)
        return pool(self.pool, self.norm(x) if hasattr(self, "norm") else x)
