"""Merges pairs of real models with several methods and measures each result with a linear probe.

    python scripts/bench/methods_accuracy.py --data MODELNET10 --pair BASE.onnx TUNED.onnx [--pair …] [--points 128] [--methods NAME,…]

Every merged model is run by onnxruntime (`wiseft bench --suite none`): a probe is fitted on features of the training split and scored on
the test split. The table has both ends of the pair too. Parameters are the methods' defaults, except those in PARAMS; methods that
need a third model take the linear merge at alpha 0.3. NAME+bn merges normalisations whole (--set op:BatchNormalization:density=1): methods
with random masks and rescaling make running variances invalid. Standard library only.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARAMS = {"task_arithmetic": ["lambda=0.5"], "nearswap": ["t=0.01"]}
THIRD = {"model_stock"}


def wiseft(program, *args):
    done = subprocess.run([program, *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{args[0]} failed: {done.stderr}")
    return done.stdout


def merge(program, folder, base, tuned, method):
    """Returns the merged model's path."""
    models = [base, tuned]
    if method in THIRD:
        third = folder / "third.onnx"
        wiseft(program, "merge", base, tuned, "-o", third, "--alpha", "0.3", "--force", "-q")
        models = [base, third, tuned]
    flags = [x for p in PARAMS.get(method, []) for x in ("--param", p)]
    name, _, whole = method.partition("+")
    if whole:
        flags += ["--set", "op:BatchNormalization:density=1"]
    out = folder / f"{method}.onnx"
    wiseft(program, "merge", *models, "-o", out, "--method", name, *flags, "-q")
    return out


def measure(args, base, tuned):
    with tempfile.TemporaryDirectory() as temp:
        folder = pathlib.Path(temp)
        paths = {"(base)": base, "(tuned)": tuned}
        for method in args.methods.split(","):
            paths[method] = merge(args.wiseft, folder, base, tuned, method)
        text = wiseft(args.wiseft, "bench", *paths.values(), "--train", args.data, "--test", args.data, "--points", args.points, "--suite", "none", "--json", "-q")
    models = {m["id"]: m for m in json.loads(text)["models"]}
    print(f"\n{base.name} and {tuned.name}, {args.points} points\n")
    print("| method | parameters | validation | test | mean of classes | probe |\n|---|---|---|---|---|---|")
    for name, path in paths.items():
        m = models[str(path)]
        fitted = "converged" if m["probe"]["converged"] else "not converged"
        print(f"| {name} | {', '.join(PARAMS.get(name, []))} | {m['validation']['oa']:.4f} | {m['clean']['oa']:.4f} | {m['clean']['macc']:.4f} | {fitted} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", required=True, help="a data set with a train and a test split")
    p.add_argument("--pair", nargs=2, action="append", required=True, type=pathlib.Path, metavar=("BASE", "TUNED"))
    p.add_argument("--points", type=int, default=128)
    p.add_argument("--methods", default="linear,task_arithmetic,ties,ties_per_tensor,dare_linear,dare_ties,dare_ties+bn,della,della+bn,breadcrumbs,slerp,nuslerp,karcher,"
                   "geometric_median,nearswap,arcee_fusion,ram,sce,lines,model_stock,tsv,iso_c,iso_cts")
    p.add_argument("--wiseft", help="the program; built from this repository if not given")
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        if not args.wiseft:
            args.wiseft = str(pathlib.Path(temp) / "wiseft")
            subprocess.run(["go", "build", "-o", args.wiseft, "./cmd/wiseft"], cwd=ROOT, check=True)
        for base, tuned in args.pair:
            measure(args, base, tuned)


if __name__ == "__main__":
    main()
