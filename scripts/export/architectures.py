"""The architectures by the names of the command line."""

from dgcnn import DGCNN
from pct import PCT
from point_bert import PointBERT
from point_m2ae import PointM2AE
from point_mae import PointMAE
from pointnet import PointNet
from pointnet2 import PointNet2MSG, PointNet2SSG
from recon import ReCon

ARCHITECTURES = {
    "dgcnn": DGCNN,
    "pct": PCT,
    "point-bert": PointBERT,
    "point-m2ae": PointM2AE,
    "point-mae": PointMAE,
    "pointnet": PointNet,
    "pointnet2-msg": PointNet2MSG,
    "pointnet2-ssg": PointNet2SSG,
    "recon": ReCon,
}


def build(architecture, config, **changes):
    """A model of a named configuration, with changed arguments of its constructor."""
    cls = ARCHITECTURES[architecture]
    return cls(**(cls.CONFIGS[config] | changes))
