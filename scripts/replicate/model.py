"""A small Point-MAE (Pang et al. 2022, arXiv 2203.06604) with its masked autoencoder, from the definitions of scripts/export."""

import pathlib
import sys

import torch
from torch import nn

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "export"))

from operators import squared_distances  # noqa: E402
from point_mae import PointMAE  # noqa: E402
from transformer import Block, Blocks, position_embedding  # noqa: E402

POINTS = 256
SIZE = {"points": POINTS, "groups": 32, "k": 16, "pool": "cls+max", "width": 96, "depth": 4, "heads": 3}
MASKED = 0.6  # of the patches


def network(classes, pretrained=False):
    """The backbone, with a head unless classes is None. Pre-training has no class token."""
    return PointMAE(classes=classes, pretrained=pretrained, **SIZE)


def pointwise(half, x):
    """Half of a patch encoder on rows (rows, c): the same as its convolutions, which are slow for 16 points at a time."""
    first, norm, relu, second = half
    x = relu(norm(nn.functional.linear(x, first.weight[:, :, 0], first.bias)))
    return nn.functional.linear(x, second.weight[:, :, 0], second.bias)


def tokens(encoder, patches):
    """encoder(patches), patches (b, s, k, c) to tokens (b, s, c)."""
    b, s, k, c = patches.shape
    x = pointwise(encoder.first_conv, patches.reshape(-1, c)).reshape(b * s, k, -1)
    whole = x.amax(1, keepdim=True).expand(-1, k, -1)
    x = pointwise(encoder.second_conv, torch.cat([whole, x], 2).reshape(b * s * k, -1))
    return x.reshape(b, s, k, -1).amax(2)


class MaskedAutoencoder(nn.Module):
    """Sees 40 % of the patches, and draws the points of the others around their centres."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        width = SIZE["width"]
        self.mask_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.decoder_pos_embed = position_embedding(width // 3, width)
        self.decoder = Blocks(Block(width, SIZE["heads"]) for _ in range(2))
        self.decoder_norm = nn.LayerNorm(width)
        self.increase_dim = nn.Linear(width, 3 * SIZE["k"])

    def forward(self, points):
        """The Chamfer distance between drawn and true points of masked patches, a number."""
        b = self.backbone
        centres, patches = b.group(points)
        count, groups = len(points), SIZE["groups"]
        seen = groups - int(MASKED * groups)
        order = torch.rand(count, groups).argsort(1)
        rows = torch.arange(count)[:, None]
        visible, hidden = order[:, :seen], order[:, seen:]
        known = b.norm(b.blocks(tokens(b.encoder, patches[rows, visible]), b.pos_embed(centres[rows, visible])))
        x = torch.cat([known, self.mask_token.expand(count, groups - seen, -1)], 1)
        x = self.decoder(x, self.decoder_pos_embed(centres[rows, order]))
        drawn = self.increase_dim(self.decoder_norm(x[:, seen:])).reshape(-1, SIZE["k"], 3)
        distances = squared_distances(drawn, patches[rows, hidden].reshape(-1, SIZE["k"], 3))
        return distances.amin(1).mean() + distances.amin(2).mean()


def finetuned_from(backbone, classes):
    """A network with the weights of a pre-trained backbone, a class token and a new head."""
    model = network(classes)
    missing, unexpected = model.load_state_dict(backbone.state_dict(), strict=False)
    assert not unexpected and all(name.startswith("cls_") for name in missing), (missing, unexpected)
    return model
