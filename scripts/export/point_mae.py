"""Point-MAE (Pang et al. 2022, arXiv 2203.06604), as in Pang-Yatian/Point-MAE."""

import torch
from torch import nn

from backbone import Backbone, mlp_head, pool, pooled_width
from operators import farthest_points_gpu, nearest, squared_distances, take
from transformer import Block, Blocks, PatchEncoder, one_per_cloud, position_embedding

WIDTH = 384


class PointMAE(Backbone):
    """Pre-training has no class token. Its export has zeros in that place, the initial value of fine-tuning,
    as a constant and not as a weight: the rest of the graph is that of the fine-tuned model."""

    CONFIGS = {
        "modelnet40": {"points": 1024, "groups": 64, "classes": 40},
        "modelnet40-8k": {"points": 8192, "groups": 512, "classes": 40},
        "scanobjectnn": {"points": 2048, "groups": 128, "classes": 15},
    }
    PREFIX = "MAE_encoder."
    PRETRAINING = ("mask_token", "decoder_pos_embed", "MAE_decoder", "increase_dim")
    UNTRAINED = ("cls_token", "cls_pos")
    CLASSIFIER = ("cls_head_finetune.8.weight",)
    POOLS = ("cls", "max", "mean", "sum")

    def __init__(self, points, classes, groups, k=32, pool="cls+max", pretrained=False, width=WIDTH, depth=12, heads=6):
        super().__init__(points, classes)
        self.groups, self.k, self.pool, self.width, self.heads = groups, k, pool, width, heads
        if not pretrained:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
            self.cls_pos = nn.Parameter(torch.zeros(1, 1, width))
        self.encoder = PatchEncoder(3, width // 3, 2 * width // 3, 4 * width // 3, self.token_width())
        self.pos_embed = position_embedding(width // 3, width)
        self.blocks = Blocks(self.block() for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        if classes is not None:
            self.cls_head_finetune = self.head(pooled_width(pool, width, self.class_tokens()), classes)

    def token_width(self):
        return self.width

    def block(self):
        return Block(self.width, self.heads)

    def head(self, width, classes):
        return mlp_head(width, classes)

    def class_tokens(self):
        return 1

    def distances(self, centres, points):
        return squared_distances(centres, points)

    def tokens(self, patches):
        return self.encoder(patches)

    def special(self, points):
        """Class tokens and their positions, each (b, t, c)."""
        if not hasattr(self, "cls_token"):
            zeros = one_per_cloud(0, points).expand(-1, -1, self.width)
            return zeros, zeros
        return one_per_cloud(self.cls_token, points), one_per_cloud(self.cls_pos, points)

    def group(self, points):
        """Centres (b, s, 3), and the points around each of them, relative to it: (b, s, k, 3)."""
        index = farthest_points_gpu(points, self.groups)
        centres = take(points, index)
        near = nearest(self.distances(centres, points), self.k)
        self.sampled = {"fps_idx_0": index, "knn_idx_0": near}
        return centres, take(points, near) - centres.unsqueeze(2)

    def features(self, points):
        centres, patches = self.group(points)
        tokens, positions = self.special(points)
        x = torch.cat([tokens, self.tokens(patches)], 1)
        x = self.norm(self.blocks(x, torch.cat([positions, self.pos_embed(centres)], 1)))
        t = self.class_tokens()
        return pool(self.pool, x[:, t:], x[:, :t])
