"""Chooses few pairs of the wide corpus that together have every kind of pair, and writes them for `go test`.

    python scripts/corpus/wide.py judge --wiseft PROGRAM --fold=--fold --results RESULTS.json PAIRS...
    python scripts/corpus/wide_committed.py RESULTS.json...            (packages as for wide.py)
    python scripts/corpus/wide_committed.py --add EXPRESSION RESULTS.json...      (beside those that are there)

A pair's folder in onnxmerge/testdata/wide has a.onnx.gz, b.onnx.gz, and run.json.gz: how it merges ("plain", "fold" or
"refused"), how many weights of the backbone are kept, inputs, and the outputs that are right, which are those of the
framework's model with the mixed state. Pairs that were once refused or merged wrongly are always among them.
"""

import argparse
import base64
import gzip
import json
import pathlib
import re
import shutil

import numpy as np

OUT = pathlib.Path(__file__).resolve().parents[2] / "onnxmerge/testdata/wide"
FORMS = {"hash", "prefix", "suffix", "shuffle", "fp16"}
ALWAYS = [
    "timm_ghostnet-blocks--ts11-sim-suffix-fp16--ts13keep-prefix",  # folded weights stored once for several layers
    "tv_resnext-zeroinit--ts17-suffix--dyn",  # the same, of scales of zero
    "timm_eva02-noise.2--dynopt-ort2-prefix--ts17nofold-ort2",  # rotary tables with axes of length 1
    "timm_cait-unchanged--ts17--dyn-ort2-hash",  # short vectors that training did not change
]
TYPES = {"float32": "<f4", "float64": "<f8", "int64": "<i8", "int32": "<i4", "bool": "|b1", "uint8": "|u1"}


def outcome(r):
    """How a pair merges; None if it is no test: refused without need, in part, or its right result is not known."""
    if r["verdict"] == "right":
        return "plain"
    if r["verdict"] == "refused" and r.get("folded") == "right":
        return "fold"
    if r["verdict"] == "refused" and "blocked order" in r["reason"]:
        return "refused"
    return None


def kinds(r, how):
    """What a pair is an example of."""
    found = {("outcome", how), ("change", r["change"], how), ("architecture", r["architecture"])}
    families = []
    for side in "ab":
        first, *rest = r[side].split("-")
        families.append("-".join([re.sub(r"\d+", "", first)] + [s for s in rest if s not in FORMS]))
        found |= {("form", side, s) for s in rest if s in FORMS}
    return found | {("exporters", *families, how)}


def size(r):
    return sum((pathlib.Path(r["folder"]) / f).stat().st_size for f in ("A.onnx", "B.onnx", "io.npz"))


def choose(results, limit):
    """Covers as many kinds as fit into the limit of bytes, by the kinds that a pair adds for its size."""
    left = [(r, how) for r in results if (how := outcome(r)) and "ext" not in r["a"] + r["b"]]
    chosen, covered, total = [], set(), 0
    while left:
        always = [x for x in left if any(x[0]["pair"].endswith(name) for name in ALWAYS)]
        r, how = max(always or left, key=lambda x: len(kinds(*x) - covered) / (20_000 + size(x[0])))
        left.remove((r, how))
        if always or (kinds(r, how) - covered and total + size(r) <= limit):
            chosen.append((r, how))
            covered |= kinds(r, how)
            total += size(r)
    return sorted(chosen, key=lambda x: x[0]["pair"])


def array(x):
    x = np.ascontiguousarray(x)
    data = base64.b64encode(x.astype(TYPES[x.dtype.name]).tobytes()).decode()
    return {"type": x.dtype.name, "shape": list(x.shape), "data": data}


def write(r, how, folder):
    folder.mkdir(parents=True)
    source = pathlib.Path(r["folder"])
    for name in "AB":
        packed = gzip.compress((source / f"{name}.onnx").read_bytes(), mtime=0)
        (folder / f"{name.lower()}.onnx.gz").write_bytes(packed)
    io = np.load(source / "io.npz")
    run = {
        "pair": r["pair"],
        "how": how,
        "tolerance": max(min(r["tolerance"], 0.1 * r.get("unmerged", 1)), 1e-4 if r["tolerance"] < 0.01 else 1e-2),
        "median": r["samples"],
        "kept": r["fold"].get("kept") if how == "fold" else r.get("kept"),  # weights of the backbone
        "inputs": {name: array(io["in:" + name]) for name in r["inputs"]},
        "outputs": [array(io[key].astype(np.float32)) for key in io.files if key.startswith("out:")],
    }
    text = json.dumps(run, sort_keys=True).encode()
    (folder / "run.json.gz").write_bytes(gzip.compress(text, mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path, nargs="+", help="what wide.py judge wrote")
    parser.add_argument("--bytes", type=int, default=4 << 20, help="of the chosen pairs before compression")
    parser.add_argument("--add", metavar="EXPRESSION", help="adds the pairs that it matches, and chooses no others")
    args = parser.parse_args()
    results = [r for path in args.results for r in json.loads(path.read_text())]
    if args.add:
        chosen = [(r, how) for r in results if re.search(args.add, r["pair"]) and (how := outcome(r))]
    else:
        chosen = choose(results, args.bytes)
        shutil.rmtree(OUT, ignore_errors=True)
    for r, how in chosen:
        folder = OUT / re.sub(r"^(k?\d+-\d+)-", "", r["pair"])
        shutil.rmtree(folder, ignore_errors=True)
        write(r, how, folder)
    print(f"{len(chosen)} pairs, {sum(p.stat().st_size for p in OUT.glob('*/*')):,} bytes")


if __name__ == "__main__":
    main()
