"""Makes onnxmerge/pair/testdata/corpus: one architecture, many exports, and the truth
about which tensor of each is which parameter.

Run from anywhere: python scripts/corpus/make.py [architecture...] (versions in
requirements.txt). Same versions, same files. Every file has been run by onnxruntime
and returned PyTorch's outputs; what could not be exported is listed with its reason.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
from importlib.metadata import version

import numpy as np
import onnxruntime
import torch

from exports import HEAD_RECIPES, RECIPES, export, recipes
from nets import HEADS, NETS, model
from tensors import tensors
from truth import Truth

OUT = pathlib.Path(__file__).resolve().parents[2] / "onnxmerge/pair/testdata/corpus"
RTOL, ATOL = 1e-4, 1e-5  # of outputs: float32 through some twenty layers
TOOLS = ["torch", "onnx", "onnxruntime", "onnxscript", "onnxslim", "numpy"]


def outputs(data, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: x.numpy() for i, x in zip(session.get_inputs(), inputs)})[0]


def one(architecture, weights, kind, recipe, folder):
    """Exports, checks and writes a file. Returns its manifest entry and constants, or the reason for the failure."""
    name = f"{architecture}/{weights}{'' if kind in (None, HEADS[0]) else '_' + kind}_{recipe}.onnx.gz"
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    module, inputs = model(architecture, weights, kind), NETS[architecture].inputs(RECIPES[recipe].batch)
    try:
        proto = export(recipe, module, inputs, seed)
    except Exception as e:
        return None, summary(e)
    data = proto.SerializeToString(deterministic=True)
    with torch.no_grad():
        want = module(*inputs).numpy()
    if not np.allclose(got := outputs(data, inputs), want, RTOL, ATOL):
        return None, f"onnxruntime gives other outputs than PyTorch, by up to {abs(got - want).max():.2g}"
    truth, found = Truth(module), tensors(proto)
    entry = {
        "file": name, "architecture": architecture, "weights": weights, **({"head": kind} if kind else {}),
        "export": recipe, "opset": next(o.version for o in proto.opset_import if o.domain == ""),
        "tensors": [describe(i, t, truth) for i, t in found.items()],
    }
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(gzip.compress(data, mtime=0))
    constants = sorted(f"{t.dtype} {t.shape} {t.tolist()}" for i, t in found.items()
                       if "constant" in truth.explain(t))
    return entry, constants


def summary(e):
    lines = [line.strip() for line in str(e).splitlines() if line.strip()]
    told = [line for line in lines if "No ONNX function" in line or "not supported" in line]
    return f"{type(e).__name__}: {(told or lines)[0]}"


def describe(tensor_id, t, truth):
    dtype = "string" if t.dtype == object else str(t.dtype)
    explained = truth.explain(t)
    if "unknown" in str(explained):
        raise ValueError(f"{tensor_id} {dtype}{list(t.shape)}: {explained}\n{t}")
    return {"id": tensor_id, **({} if dtype == "float32" else {"dtype": dtype}), "dims": list(t.shape), **explained}


def make(architecture, folder):
    files, failures = [], []
    kinds = HEADS if NETS[architecture].has_heads else [None]
    for kind in kinds:
        for recipe in recipes(architecture) if kind == kinds[0] else HEAD_RECIPES:
            constants = {}
            for weights in "ab" if kind == kinds[0] else "b":
                entry, said = one(architecture, weights, kind, recipe, folder)
                if entry:
                    files.append(entry)
                    constants[weights] = said
                else:
                    failures.append(
                        {"architecture": architecture, "weights": weights, "export": recipe, "reason": said})
            if len(constants) == 2 and constants["a"] != constants["b"]:
                raise ValueError(f"{architecture} {recipe}: what is taken for constants differs between weight sets")
    return files, failures


def text(manifest):
    """JSON with one tensor a line, constants of a file in one, so that a change can be read."""
    def line(x):
        return json.dumps(x, separators=(",", ":"))
    files = []
    for f in manifest["files"]:
        head = line({k: v for k, v in f.items() if k != "tensors"})[:-1]
        files.append(head + ',"tensors":[\n' + ",\n".join(map(line, f["tensors"])) + "]}")
    rest = {k: v for k, v in manifest.items() if k != "files"}
    return json.dumps(rest, indent=1)[:-2] + ',\n "files": [\n' + ",\n".join(files) + "\n]}\n"


def main():
    parser = argparse.ArgumentParser(description="Makes the corpus of exports.")
    parser.add_argument("architecture", nargs="*", help="only these, with a manifest of these alone")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    manifest = {
        "made_by": "scripts/corpus/make.py", "tools": {name: version(name) for name in TOOLS},
        "tolerance": {"rtol": RTOL, "atol": ATOL}, "exports": {k: r.says for k, r in RECIPES.items()},
        "failures": [], "files": [],
    }
    for architecture in args.architecture or NETS:
        files, failures = make(architecture, args.out)
        manifest["files"] += files
        manifest["failures"] += failures
        print(f"{architecture}: {len(files)} files, {len(failures)} failures", flush=True)
    (args.out / "manifest.json").write_text(text(manifest))


if __name__ == "__main__":
    main()
