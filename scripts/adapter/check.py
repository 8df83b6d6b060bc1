"""Merges adapters by wiseft into models of onnxmerge/adapter/testdata, with safetensors files as data, opens these by safe_open, and
compares what onnxruntime computes with PyTorch's forward pass of the network with the adapter.

    go build -o wiseft ./cmd/wiseft
    python scripts/adapter/check.py ./wiseft
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file

from make import CASES, OUT


def forward(name, folder):
    model = CASES[name][0]()
    model.load_state_dict(load_file(folder / "base.safetensors"))
    with torch.no_grad():
        return PeftModel.from_pretrained(model, folder).eval()(CASES[name][0].inputs()).numpy()


def main():
    wiseft = str(pathlib.Path(sys.argv[1]).resolve())
    worst = 0.0
    for name in ("linear", "conv"):
        folder = OUT / name
        x, want = np.load(folder / "x.npz")["x"], forward(name, folder)
        for model in ("base.onnx", "dynamo.onnx"):
            with tempfile.TemporaryDirectory() as temp:
                out = pathlib.Path(temp) / "out.onnx"
                weights = ["--base-weights", folder / "base.safetensors"] if model == "base.onnx" else []
                subprocess.run([wiseft, "merge", folder / model, "--adapter", folder, *weights, "-o", out, "--external", "safetensors", "-q"],
                               check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                loaded = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(out).graph.initializer}
                with safe_open(out.with_suffix(".safetensors"), "np") as f:
                    keys = list(f.keys())
                    for key in keys:
                        np.testing.assert_array_equal(f.get_tensor(key), loaded[key])
                got = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
                worst = max(worst, np.abs(got - want).max())
                print(f"{name}/{model}: {len(keys)} tensors in the safetensors file, largest difference {np.abs(got - want).max():.3g}")
                assert len(keys) >= 6 and np.abs(got - want).max() <= 1e-5
    print(f"largest difference of all {worst:.3g}")


if __name__ == "__main__":
    main()
