"""Writes the weights of the corpus' architectures as safetensors: ARCHITECTURE_a and ARCHITECTURE_b.

Run from anywhere: python scripts/corpus/states.py [--out FOLDER] [architecture...]
Then all exports of the corpus are tested with WISEFT_STATES=FOLDER go test ./onnxmerge/mapping
"""

import argparse
import pathlib

import torch
from safetensors.torch import save_file

from nets import NETS, model

STORED = ["bert", "cross_attention", "dgcnn", "mlp", "pointnet", "recurrent", "resnet", "vit"]  # in the repository

OUT = pathlib.Path(__file__).resolve().parents[2] / "onnxmerge/mapping/testdata"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architecture", nargs="*", help="only these; those of the repository without a folder")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = args.out or OUT
    out.mkdir(parents=True, exist_ok=True)
    for architecture in args.architecture or (NETS if args.out else STORED):
        for weights in "ab":
            state = model(architecture, weights).state_dict()
            save_file({k: v.clone() for k, v in state.items()}, out / f"{architecture}_{weights}.safetensors")
    if not args.architecture:  # as a training saves it
        wrapped = {f"module.{k}": v for k, v in model("mlp", "b").state_dict().items()}
        torch.save({"epoch": 3, "model": wrapped, "optimizer": {"state": {}}}, out / "mlp_b.pth")


if __name__ == "__main__":
    main()
