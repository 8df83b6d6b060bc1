"""Checks that `wiseft merge` mixes exactly the backbone of a pre-trained and a fine-tuned export.

    python scripts/export/check_merge.py --oracles FOLDER --wiseft PROGRAM [name...]

FOLDER is that of check.py. Both checkpoints have every tensor that the reference's own have, with weights made by
rule.py under two salts: so only structure identifies the pairs. Each merged tensor must be the mix, by
name, of the two state dictionaries; a tensor that one side lacks must be that of the fine-tuned model, bit by bit, and the
plan must list it.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import check
import export
import rule

ALPHA = 0.5


def checkpoints(folder, scratch):
    """Writes both checkpoints; returns the state dictionaries, the pre-trained one by fine-tuning's names."""
    keys = json.loads((folder / "pretrain_keys.json").read_text())
    pretrained = rule.state([(k["name"], k["shape"]) for k in keys if not k.get("frozen_teacher")], "pretrained/")
    finetuned = check.weights(folder, "finetuned/")
    torch.save({"base_model": {"module." + k: t for k, t in pretrained.items()}}, scratch / "pretrained.pth")
    torch.save({"base_model": finetuned}, scratch / "finetuned.pth")
    common = {k["finetune_name"]: pretrained[k["name"]] for k in keys if k["also_in_finetune"]}
    return common, finetuned


def merge(wiseft, name, scratch):
    architecture, config = check.split(name)
    for side in ("pretrained", "finetuned"):
        export.export([architecture, "--config", config, "--checkpoint", str(scratch / f"{side}.pth"), "--force", "-o",
                       str(scratch / f"{side}.onnx")], say=lambda _: None)
    models = [str(scratch / f"{side}.onnx") for side in ("pretrained", "finetuned")]
    out = scratch / "merged.onnx"
    subprocess.run([wiseft, "merge", *models, "--alpha", str(ALPHA), "-o", out, "--force", "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    plan = subprocess.run([wiseft, "merge", *models, "--plan", "--json"], check=True, capture_output=True).stdout
    return onnx.load(out), json.loads(plan)


def constants(graph):
    return [numpy_helper.to_array(n.attribute[0].t).tobytes() for n in graph.node if n.op_type == "Constant"]


def compare(merged, original, common, finetuned):
    """original is the fine-tuned model. Names that were mixed, names that were kept, and what is wrong."""
    mixed, kept, wrong = [], [], []
    for t in merged.graph.initializer:
        got, b = numpy_helper.to_array(t), finetuned[t.name].numpy()
        want = b
        if t.name in common:
            a = common[t.name].numpy()
            want = ((1 - ALPHA) * a.astype(np.float64) + ALPHA * b.astype(np.float64)).astype(np.float32)
        (mixed if t.name in common else kept).append(t.name)
        if not np.array_equal(got, want):
            wrong.append(f"{t.name} is not {'the mix' if t.name in common else 'kept'}")
    if constants(merged.graph) != constants(original.graph):
        wrong.append("a constant of the graph has changed")
    absent = [k for k in common if k not in mixed and not k.endswith("num_batches_tracked")]
    return mixed, kept, wrong + [f"{k} is not in the merged model" for k in absent]


def one(name, folder, wiseft, scratch):
    common, finetuned = checkpoints(folder, scratch)
    merged, plan = merge(wiseft, name, scratch)
    mixed, kept, wrong = compare(merged, onnx.load(scratch / "finetuned.onnx"), common, finetuned)
    reasons = {t["tensor"]: t["reason"] for t in plan["plan"] if t["action"] == "copy"}
    wrong += [f"the plan does not explain {k}" for k in kept if not reasons.get(k)]
    print(f"{name}: {'; '.join(wrong) or 'ok'} ({len(mixed)} mixed, {len(kept)} kept)", flush=True)
    for k in kept:
        print(f"  kept {k}: {reasons.get(k)}")
    for k in plan.get("only_pretrained", []):
        print(f"  only in the pre-trained model: {k}", flush=True)
    return wrong


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--oracles", required=True, type=pathlib.Path)
    p.add_argument("--wiseft", required=True, help="the program")
    p.add_argument("name", nargs="*", help="only these")
    args = p.parse_args()
    names = args.name or sorted(f.parent.name for f in args.oracles.glob("*/pretrain_keys.json"))
    if not names:
        sys.exit(f"{args.oracles}: no pretrain_keys.json in its folders")
    with tempfile.TemporaryDirectory() as scratch:
        wrong = [one(name, args.oracles / name, args.wiseft, pathlib.Path(scratch)) for name in names]
    sys.exit(1 if any(wrong) else 0)


if __name__ == "__main__":
    main()
