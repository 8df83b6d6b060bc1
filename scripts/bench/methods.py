"""Measures merge methods: against linear, and against mergekit on the same tensors.

    python scripts/bench/methods.py --dir /some/disk [--size 512MiB] [--rounds 3] [--methods NAME,…] [--models 3]

Models of the given size with external data are made once, and the same tensors as safetensors. Each round runs the sides one after the
other, in another order each time, the output always a fresh file; the tables have medians of wall seconds, of seconds of processor time
(which other work on the machine changes less), and the peak resident set.
mergekit is `mergekit-pytorch` of the environment that runs this script (pip install mergekit==0.1.5 onnx), with as many threads as there are cores.

  --against linear    every method of two models (or as many as it needs) as a share of the speed of linear on as many models; "element-wise"
                      are those that take any block by itself, without a pass before; fisher reads as many informations as models, and is compared with
                      linear of as many files
  --against mergekit  the methods of --methods
  --against memory    ties of eight models within --memory
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = 1024
THEIRS = {"ties_per_tensor": "ties"}


def size(text):
    for suffix, factor in {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}.items():
        if text.endswith(suffix):
            return int(float(text[: -len(suffix)]) * factor)
    return int(text)


def make(folder, index, total, tensor, safetensors):
    """One model, y = w0 + w1 + ..., float32, as ONNX with external data and optionally as safetensors."""
    import numpy as np  # here, because a parent's own memory counts in its child's peak
    import onnx
    from onnx import TensorProto, external_data_helper, helper

    shape = (tensor // 4 // COLUMNS, COLUMNS)
    count = total // tensor
    weights = []
    with open(folder / f"m{index}.data", "wb") as data:
        arrays = {}
        for i in range(count):
            base = 0.02 * np.random.default_rng(i % 4).standard_normal(shape, np.float32)
            if index:
                base += 0.002 * np.random.default_rng(1000 * index + i % 4).standard_normal(shape, np.float32)
            w = TensorProto(name=f"w{i}", data_type=TensorProto.FLOAT, dims=shape)
            w.raw_data = b"0"  # set_external_data requires it
            external_data_helper.set_external_data(w, f"m{index}.data", offset=i * tensor, length=tensor)
            w.ClearField("raw_data")
            data.write(base.tobytes())
            weights.append(w)
            arrays[f"w{i}"] = base
        if safetensors:
            from safetensors.numpy import save_file
            save_file(arrays, folder / f"m{index}.safetensors")
    node = helper.make_node("Sum", [w.name for w in weights], ["y"])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(helper.make_graph([node], "bench", [], [out], weights), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / f"m{index}.onnx")


def run(command):
    """Returns wall seconds, processor seconds and peak memory in MiB."""
    start = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{command} failed: {errors.decode()[-2000:]}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(folder, sides, rounds):
    seconds, cpu, memory = {s: [] for s in sides}, {s: [] for s in sides}, {s: 0 for s in sides}
    names = list(sides)
    for round_ in range(rounds + 1):
        for name in names[round_ % len(names):] + names[: round_ % len(names)]:
            for path in list(folder.glob("out*")):
                subprocess.run(["rm", "-rf", str(path)], check=True)
            s, c, m = run(sides[name])
            if round_ > 0:  # the first one warms the cache
                seconds[name].append(s)
                cpu[name].append(c)
            memory[name] = max(memory[name], m)
    return {n: statistics.median(s) for n, s in seconds.items()}, {n: statistics.median(c) for n, c in cpu.items()}, memory


# Where a method's defaults would copy one of two models, which measures nothing.
MIXING = {"task_arithmetic": ["lambda=0.3"]}
ELEMENT_WISE = {"linear", "uniform_soup", "task_arithmetic", "lines", "nearswap", "ram", "fisher"}
LEAST = {"model_stock": 3}  # models that a method needs, where they are more than two


def ours(args, folder, method, count, params=()):
    params = params or MIXING.get(method, [])
    models = [folder / f"m{i}.onnx" for i in range(count)]
    flags = [x for p in params for x in ("--param", p)]
    if method == "fisher":  # the values do not matter: the models are used
        flags += [x for m in models for x in ("--fisher", m)]
    return [args.wiseft, "merge", *models, "-o", folder / "out.onnx", "--method", method, "-q", "--memory", args.memory, *flags]


def theirs(folder, method, count, params):
    """mergekit's command, with a recipe of the same meaning."""
    values = "".join(f"\n      {p.replace('=', ': ')}" for p in params if not p.startswith("rescale"))
    models = "".join(f"\n  - model: {folder}/m{i}.safetensors\n    parameters:\n      weight: 1{values}" for i in range(1, count))
    recipe = folder / f"{method}.yaml"
    recipe.write_text(f"merge_method: {THEIRS.get(method, method)}\nbase_model: {folder}/m0.safetensors\nmodels:{models}\ndtype: float32\n")
    threads = str(os.cpu_count())
    return [pathlib.Path(sys.executable).parent / "mergekit-pytorch", recipe, folder / "out_mergekit", "-j", threads, "--quiet"]


def against_mergekit(args, folder):
    print(f"\n{args.models} models of {args.size}, tensors of {args.tensor}, {args.rounds} rounds, {os.cpu_count()} cores\n")
    print("| method | wiseft s | mergekit s | times as fast | wiseft cpu s | mergekit cpu s | wiseft peak MiB | mergekit peak MiB |\n|---|---|---|---|---|---|---|---|")
    for method in args.methods.split(","):
        params = ["density=0.5"] + (["rescale=l1"] if method.startswith(("dare", "della")) else [])
        sides = {"wiseft": ours(args, folder, method, args.models, params), "mergekit": theirs(folder, method, args.models, params)}
        s, c, m = measure(folder, sides, args.rounds)
        print(f"| {method} | {s['wiseft']:.2f} | {s['mergekit']:.2f} | {s['mergekit'] / s['wiseft']:.1f} | {c['wiseft']:.2f} | {c['mergekit']:.2f} | "
              f"{m['wiseft']:.0f} | {m['mergekit']:.0f} |", flush=True)


def against_linear(args, folder):
    listed = json.loads(subprocess.run([args.wiseft, "list", "methods", "--json"], capture_output=True, check=True).stdout)["items"]
    names = [m["name"] for m in listed] if args.methods == "all" else args.methods.split(",")
    print(f"\nmodels of {args.size}, tensors of {args.tensor}, {args.rounds} rounds, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| method | element-wise | files | s | linear s | share of linear's speed | by cpu seconds | peak MiB | linear peak MiB |\n|---|---|---|---|---|---|---|---|---|")
    for method in sorted(names, key=lambda n: (n not in ELEMENT_WISE, n)):
        count = LEAST.get(method, 2)
        files = 2 * count if method == "fisher" else count
        sides = {"(linear)": ours(args, folder, "linear", files), method: ours(args, folder, method, count)}
        s, c, m = measure(folder, sides, args.rounds)
        print(f"| {method} | {'yes' if method in ELEMENT_WISE else ''} | {files} | {s[method]:.2f} | {s['(linear)']:.2f} | {s['(linear)'] / s[method]:.2f} | "
              f"{c['(linear)'] / c[method]:.2f} | {m[method]:.0f} | {m['(linear)']:.0f} |", flush=True)


def memory(args, folder):
    s, cpu, peak = run(ours(args, folder, "ties", args.models))
    print(f"ties, {args.models} models of {args.size}, --memory {args.memory}: {s:.1f} s, {cpu:.1f} s of processor time, peak {peak:.0f} MiB")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--dir", required=True, help="an empty folder on the disk to measure")
    p.add_argument("--against", choices=["linear", "mergekit", "memory"], default="mergekit")
    p.add_argument("--size", default="512MiB")
    p.add_argument("--tensor", default="16MiB")
    p.add_argument("--memory", default="256MiB")
    p.add_argument("--methods", help="names, or all (default: all against linear, ties_per_tensor,dare_linear,dare_ties against mergekit)")
    p.add_argument("--models", type=int, default=3)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--wiseft", help="the program; built from this repository if not given")
    args = p.parse_args()
    args.methods = args.methods or ("all" if args.against == "linear" else "ties_per_tensor,dare_linear,dare_ties")
    folder = pathlib.Path(args.dir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not args.wiseft:
        args.wiseft = str(folder / "wiseft")
        subprocess.run(["go", "build", "-o", args.wiseft, "./cmd/wiseft"], cwd=ROOT, check=True)
    for i in range(max(args.models, 4)):
        child = multiprocessing.get_context("spawn").Process(
            target=make, args=(folder, i, size(args.size), size(args.tensor), args.against == "mergekit"))
        child.start()
        child.join()
        if child.exitcode != 0:
            sys.exit("the models could not be made")
    {"linear": against_linear, "mergekit": against_mergekit, "memory": memory}[args.against](args, folder)


if __name__ == "__main__":
    main()
