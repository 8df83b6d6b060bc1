"""Point-BERT (Yu et al. 2022, arXiv 2111.14819), as in lulutang0608/Point-BERT."""

from torch import nn

from operators import expanded_squared_distances
from point_mae import WIDTH, PointMAE


class PointBERT(PointMAE):
    """Point-MAE's transformer behind narrower tokens. The class token is pre-trained."""

    CONFIGS = {
        "modelnet40": {"points": 1024, "groups": 64, "classes": 40},
        "modelnet40-8k": {"points": 8192, "groups": 512, "classes": 40},
        "scanobjectnn": {"points": 1024, "groups": 64, "classes": 40},
    }
    PREFIX = "transformer_q."
    PRETRAINING = (
        "transformer_k", "dvae", "queue", "queue_ptr", "transformer_q.mask_token", "transformer_q.lm_head",
        "transformer_q.cls_head")
    UNTRAINED = ()
    CLASSIFIER = ("cls_head_finetune.3.weight",)

    def __init__(self, points, classes, groups, k=32, pool="cls+max", pretrained=False):
        super().__init__(points, classes, groups, k, pool)
        self.reduce_dim = nn.Linear(self.token_width(), WIDTH)

    def token_width(self):
        return 256

    def head(self, width, classes):
        return nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, classes))

    def distances(self, centres, points):
        return expanded_squared_distances(centres, points)

    def tokens(self, patches):
        return self.reduce_dim(self.encoder(patches))
