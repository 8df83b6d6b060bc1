"""Every comparison of this folder that its requirements allow, and one table of their ratios.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/all.py --wiseft ./wiseft --dir FOLDER [--quick] [--threads 2] [--only fits,merge] [--features FILE.npz ...]
        [--clouds FOLDER SPLIT] [--pretrained A.onnx --finetuned B.onnx --output TENSOR] [--test CLOUDS.npz] [-o TABLE.md]

FOLDER is on the disk to measure; what is written there is removed. Each comparison takes turns within itself. A row has wiseft's seconds, the other side's, how many
times as fast wiseft is, and wiseft's peak memory; for fits, seconds are of the processor, since ratios of these bear other
work on the machine. A comparison that cannot run is listed with the reason, and one that fails makes the exit status 1. --quick takes small
sizes and one round: it shows that everything runs, and roughly how fast. What each script needs is in its docstring.
"""

import argparse
import importlib.util
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Skipped(Exception):
    pass


def run(script, *args):
    """Runs a script of this folder and returns its standard output."""
    done = subprocess.run([sys.executable, os.path.join(HERE, script), *map(str, args)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{script}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}")
    return done.stdout


def need(*modules):
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if missing:
        raise Skipped("needs the modules " + ", ".join(missing))


def fits(args, solver):
    need("numpy", "torch" if solver == "mlp" else "sklearn")
    from fits import theirs_least
    out = os.path.join(args.dir, "fits.json")
    size = ["--quick", "--rounds", 1, "--limit", 3] if args.quick else ["--rounds", 3]
    if args.features:
        size += ["--features", *args.features]
    if solver != "logistic":
        size += ["--case", "separation"]
    run("fits.py", "--wiseft", args.wiseft, "--solver", solver, "--threads", args.threads, "--json", out, *size)
    with open(out) as f:
        rows = json.load(f)["rows"]
    os.remove(out)
    for row in rows:
        ours = row["fits"].pop("wiseft")
        theirs, more = theirs_least(row["fits"].values())
        yield f"{solver}, {row['case']}", ours["processor"], theirs["processor"], more, ours["mebibytes"]


def merge(args):
    need("numpy", "onnx")
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        size = ["--size", "64MiB", "--tensor", "4MiB", "--rounds", 1, "--dtypes", "float32"] if args.quick else []
        text = run("merge.py", "--dir", folder, "--wiseft", args.wiseft, *size)
    for part in text.split("two models of")[1:]:
        sides = {c[1].strip(): (float(c[2]), float(c[-2])) for c in (line.split("|") for line in part.splitlines())
                 if len(c) == 10 and re.fullmatch(r" *[\d.]+ *", c[2])}
        seconds, peak = sides["wiseft"]
        for other in ("copy", "copy+sync", "python"):
            if other in sides:
                yield f"merge, models of {part.split(',')[0].strip()}, against {other}", seconds, sides[other][0], "", peak


def data(args):
    need("numpy", "h5py")
    text = run("data.py", "--rounds", 1 if args.quick else 3, *(["--clouds", *args.clouds] if args.clouds else []))
    for what, theirs, ours, peak in re.findall(r"^(.+?) +Python +([\d.]+) s +wiseft +([\d.]+) s.*peak +(\d+)", text, re.M):
        yield f"data, {what.strip()}", float(ours), float(theirs), "", float(peak)


def methods(args):
    need("numpy", "onnx", "mergekit")
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        text = run("methods.py", "--dir", folder, "--wiseft", args.wiseft, *(["--size", "64MiB", "--rounds", 1] if args.quick else []))
    for line in text.splitlines():
        c = [v.strip() for v in line.split("|")]
        if len(c) == 10 and re.fullmatch(r"[\d.]+", c[2]):
            yield f"method {c[1]}, against mergekit", float(c[2]), float(c[3]), "", float(c[7])


def sweep(args):
    need("numpy", "h5py", "onnx", "sklearn", "onnxruntime")
    if not (args.pretrained and args.finetuned and args.output and args.clouds):
        raise Skipped("needs --pretrained, --finetuned, --output and --clouds")
    size = ["--alphas", "0:1:0.5", "--points", 128, "--no-naive"] if args.quick else []
    text = run("sweep.py", "--wiseft", args.wiseft, "--pretrained", args.pretrained, "--finetuned", args.finetuned, "--output",
               args.output, "--clouds", args.clouds[0], *size)
    ours, peak = re.search(r"wiseft +([\d.]+) s +peak +(\d+)", text).groups()
    for name, what in (("bare", "its forward passes alone"), ("naive", "the naive flow")):
        if found := re.search(name + r" +([\d.]+) s", text):
            yield f"sweep, against {what}", float(ours), float(found[1]), "", float(peak)


def features(args):
    need("numpy", "onnxruntime")
    if not (args.pretrained and args.output and args.test):
        raise Skipped("needs --pretrained, --output and --test")
    size = ["--rows", "8,64", "--rounds", 2] if args.quick else []
    text = run("features.py", "--wiseft", args.wiseft, "--model", args.pretrained, "--output", args.output, "--data", args.test, *size)
    row = r"^\| (\d+) \| (\d+) \(\d+\) \| (\d+) \(\d+\) \|.*?\| (\d+), \d+ \| (\d+), \d+ \|$"
    for n, ours, theirs, begins, peak in re.findall(row, text, re.M):
        yield f"features of {n} clouds, against a bare loop", int(ours) / 1e3, int(theirs) / 1e3, "", float(peak)
        yield f"features of {n} clouds, start to the first pass", int(begins) / 1e3, None, "", None


def inputs(args):
    need("numpy", "onnx", "onnxruntime")
    size = ["--samples", 64, "--rounds", 2] if args.quick else ["--rounds", 9]
    text = run("inputs.py", "--wiseft", args.wiseft, *size)
    ours, theirs = (re.findall(side + r"': \{'passes': ([\d.]+)", text) for side in ("wiseft", "bare"))
    if ours:
        yield "features of several inputs, passes against a bare loop", min(map(float, ours)), min(map(float, theirs)), "", None


def apply(args):
    need("numpy", "onnx")
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        text = run("apply.py", "--wiseft", args.wiseft, "--folder", folder, *(["--mib", 128, "--rounds", 1] if args.quick else []))
    for kind in dict.fromkeys(re.findall(r"^(\w+): merge ", text, re.M)):
        merges, applies = (re.findall(rf"^{kind}: {what} +([\d.]+) s.*?peak +([\d.]+)", text, re.M) for what in ("merge", "apply"))
        yield (f"weights apply, {kind}, against a merge of that size", statistics.median(float(s) for s, _ in applies),
               statistics.median(float(s) for s, _ in merges), "", max(float(p) for _, p in applies))


def large(args):
    need("numpy", "onnx")
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        text = run("large.py", "--wiseft", args.wiseft, "--dir", folder, "--any-time", *(["--quick"] if args.quick else []))
    for what, seconds, peak in re.findall(r"^\| (.+?) \| wiseft \| ([\d.]+) \| [\d.]+ \| (\d+) \|", text, re.M):
        yield f"many tensors, {what}", float(seconds), None, "", float(peak)


def memory(args):
    text = run("memory.py", "--wiseft", args.wiseft, "--alphas", *([3] if args.quick else [51, 251]))
    for n, peak in re.findall(r"(\d+) alphas: peak ([\d.]+) MiB", text):
        yield f"memory of a sweep of {n} alphas", None, None, "", float(peak)


COMPARISONS = {f"fits-{s}": (lambda args, s=s: fits(args, s)) for s in ("logistic", "svc-ovr", "svc-ovo", "ridge", "knn", "mlp")}
COMPARISONS |= {"merge": merge, "data": data, "methods": methods, "sweep": sweep, "memory": memory,
                "features": features, "inputs": inputs, "apply": apply, "large": large}


def versions(wiseft):
    found = [f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"]
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as f:
            text = f.read()
        found += [re.search(r"model name\s*:\s*(.*)", text)[1], "AVX-512" if "avx512f" in text else "no AVX-512"]
    found.append(subprocess.run([wiseft, "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0])
    for name in ("numpy", "sklearn", "torch", "onnx", "onnxruntime", "mergekit", "h5py"):
        if importlib.util.find_spec(name):
            try:
                found.append(f"{name} {importlib.import_module(name).__version__}")
            except (ImportError, AttributeError):
                pass
    return ", ".join(found)


def number(v):
    return "" if v is None else f"{v:.3g}" if v < 100 else f"{v:.0f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=2, help="of fits")
    parser.add_argument("--only", default="", help="beginnings of names: " + ", ".join(COMPARISONS))
    parser.add_argument("--features", nargs="*", default=[], help="files of wiseft features, for fits")
    parser.add_argument("--clouds", nargs=2, metavar=("FOLDER", "SPLIT"))
    parser.add_argument("--test", help="an NPZ of clouds, for features of little data")
    for name in ("pretrained", "finetuned", "output"):
        parser.add_argument("--" + name)
    parser.add_argument("-o", help="a file for the table, besides standard output")
    args = parser.parse_args()
    args.wiseft = os.path.abspath(args.wiseft)
    os.makedirs(args.dir, exist_ok=True)
    wanted = [n for n in COMPARISONS if n.startswith(tuple(args.only.split(",")))]
    if not wanted:
        parser.error(f"--only {args.only}: there are {', '.join(COMPARISONS)}")
    lines, failed = [], 0

    def show(line):
        lines.append(line)
        print(line, flush=True)

    show(versions(args.wiseft) + f"; load {os.getloadavg()[0]:.1f} at the start\n")
    show("| comparison | wiseft s | other s | times as fast | peak MiB |\n|---|---|---|---|---|")
    for name in wanted:
        rows = 0
        try:
            for what, ours, theirs, more, peak in COMPARISONS[name](args):
                ratio = more + number(theirs / ours) if ours and theirs else ""
                show(f"| {what} | {number(ours)} | {more}{number(theirs)} | {ratio} | {number(peak)} |")
                rows += 1
            if not rows:
                raise RuntimeError("no figures in its output")
        except Skipped as reason:
            show(f"| {name} | not run: {reason} | | | |")
        except RuntimeError as reason:
            failed += 1
            show(f"| {name} | failed: {reason} | | | |")
    if args.o:
        with open(args.o, "w") as f:
            f.write("\n".join(lines) + "\n")
    if failed:
        sys.exit(f"{failed} of {len(wanted)} comparisons failed")


if __name__ == "__main__":
    main()
