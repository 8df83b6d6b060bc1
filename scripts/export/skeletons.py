"""Makes testdata: exports without weights, and their outputs with weights made by rule.py.

Run from anywhere: python scripts/export/skeletons.py (versions in requirements.txt). NAME.onnx.gz is an export whose
weights are all 0, which compress to a few bytes; the Go test fills them by the rule. NAME.json has features and logits of
two clouds, also made by the rule, as PyTorch computes them: float32 bits in hexadecimal, row by row. Only clouds
are used for which float64 samples the same points, so that rounding does not matter.
"""

import gzip
import json
import pathlib

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import onnxgraph
import rule
from architectures import build

OUT = pathlib.Path(__file__).resolve().parent / "testdata"
# Those that have most of what the others have, too. Not DGCNN: in random clouds its neighbours in feature space are
# often so close that another order of a sum changes them.
CONFIGS = [(name, "modelnet40") for name in ("point-m2ae", "recon", "pct", "pointnet2-ssg")]


def filled(architecture, config):
    model = build(architecture, config)
    first = {}
    tied = {name: first.setdefault(id(t), name) for name, t in model.state_dict(keep_vars=True).items()}
    model.load_state_dict(rule.state([(k, t.shape) for k, t in model.state_dict().items()], tied=tied))
    return model.eval()


def clouds(key, points):
    """Two clouds (2, points, 3) in the cube from -1 to 1."""
    return (2 * rule.uniform(key, 2 * points * 3) - 1).astype(np.float32).reshape(2, points, 3)


def decided(model, x):
    """Whether float64 samples as float32 does. Neighbours are compared as sets."""
    model.recording, sampled = True, []
    with torch.no_grad():
        for dtype in [torch.float32, torch.float64]:
            torch.set_default_dtype(dtype)  # for constants made in the forward pass
            model.to(dtype)(x.to(dtype))
            sampled.append([i.sort(-1).values if "knn" in k else i for k, i in model.sampled.items()])
    torch.set_default_dtype(torch.float32)
    model.float().recording = False
    return all(torch.equal(a, b) for a, b in zip(*sampled))


def make(architecture, config):
    model, name = filled(architecture, config), f"{architecture}-{config}"
    key = next(k for k in (f"cloud {i}" for i in range(100))
               if decided(model, torch.from_numpy(clouds(k, model.points))))
    x = torch.from_numpy(clouds(key, model.points))
    with torch.no_grad():
        features, logits = model(x)
    proto = onnxgraph.trace(model, x, model.output_names())
    onnxgraph.fill(proto, {t.name: np.zeros_like(numpy_helper.to_array(t)) for t in proto.graph.initializer})
    (OUT / f"{name}.onnx.gz").write_bytes(gzip.compress(proto.SerializeToString(deterministic=True), mtime=0))
    vectors = {"made_by": "scripts/export/skeletons.py", "torch": torch.__version__, "onnx": onnx.__version__,
               "points": model.points, "cloud": key, "features": bits(features), "logits": bits(logits)}
    (OUT / f"{name}.json").write_text(json.dumps(vectors, indent=1) + "\n")
    print(f"{name}: {(OUT / f'{name}.onnx.gz').stat().st_size} bytes, {key}", flush=True)


def bits(t):
    return ["".join(f"{v:08x}" for v in row) for row in t.numpy().view(np.uint32)]


def main():
    OUT.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    for architecture, config in CONFIGS:
        make(architecture, config)


if __name__ == "__main__":
    main()
