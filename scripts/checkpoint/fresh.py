"""Makes onnxmerge/mapping/testdata/fresh: exports of networks as their constructors make them, with equal tensors that exporters
share, and of fine-tuned ones in which they differ.

Run from anywhere: python scripts/checkpoint/fresh.py (scripts/corpus/requirements.txt).
"""

import gzip
import pathlib

import torch
from safetensors.torch import save_file

from check import export, nets, states

OUT = pathlib.Path(__file__).resolve().parents[2] / "onnxmerge/mapping/testdata/fresh"
CASES = {"vit": ["ts17keep", "ts17-slim", "dynopt"], "cross_attention": ["ts17keep", "dyn"], "mlp": ["ts17-fp16"],
         "gated": ["ts17keep", "ts17keep-hash"]}


def main():
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    found = nets(["corpus", "own"], list(CASES))
    for name, ways in CASES.items():
        make, inputs, _, _ = found[name]
        for side, module in zip("ab", states(make, "fresh", 1)):
            state = {k: v.clone().contiguous() for k, v in module.state_dict().items()}
            save_file(state, OUT / f"{name}_{side}.safetensors")
            for way in ways:
                data = export(module, way, inputs(), 1).SerializeToString(deterministic=True)
                (OUT / f"{name}_{way}_{side}.onnx.gz").write_bytes(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    main()
