"""Measures `wiseft merge` against reading and copying the same bytes, and against Python.

    python scripts/bench/merge.py --dir /some/disk [--size 2GiB] [--dtypes float32,float16,bfloat16] [--rounds 5] [--no-python]

Two models of the given size with external data are made once. Each round runs the sides one after the other, in another
order each time, and writes a new file; the table has medians. Before each side the free memory is touched: a virtual
machine returns unused pages to its host, and the next access to them takes time, up to twice that of the copy itself.

  copy     cat A.data B.data >/dev/null; cp B.data OUT         the lower bound
  copy+sync  the same and `sync OUT`, because wiseft waits for the disk and cp does not
  wiseft   wiseft merge A B -o OUT --alpha 0.3
  python   onnx.load, numpy, onnx.save

Memory is the peak resident set of the process.
"""
import argparse
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = """
import sys, numpy as np, onnx
from onnx import numpy_helper
a, b = onnx.load(sys.argv[1]), onnx.load(sys.argv[2])
alpha = 0.3
theirs = {t.name: t for t in a.graph.initializer}
for t in b.graph.initializer:
    x, y = numpy_helper.to_array(theirs[t.name]), numpy_helper.to_array(t)
    t.CopyFrom(numpy_helper.from_array(((1 - alpha) * x + alpha * y).astype(y.dtype), t.name))
onnx.save(b, sys.argv[3], save_as_external_data=True, location=sys.argv[4])
"""


def size(text):
    for suffix, factor in {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}.items():
        if text.endswith(suffix):
            return int(float(text[: -len(suffix)]) * factor)
    return int(text)


def make(folder, name, dtype, total, tensor, seed):
    """A model y = w0 + w1 + ... with external data of total bytes."""
    import ml_dtypes  # here, because a parent's own memory counts in its child's peak
    import numpy as np
    from onnx import TensorProto, external_data_helper, helper, save

    path = folder / f"{name}.onnx"
    elem = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16}[dtype]
    numpy_type = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}[dtype]
    tensor = min(tensor, total)
    rng = np.random.default_rng(seed)
    block = (0.02 * rng.standard_normal(min(tensor, 64 << 20) // 4)).astype(numpy_type).tobytes()
    weights, names = [], []
    with open(folder / f"{name}.data", "wb") as data:
        for i in range(total // tensor):
            w = TensorProto(name=f"w{i}", data_type=elem, dims=[tensor // np.dtype(numpy_type).itemsize])
            w.raw_data = b"0"  # set_external_data requires it
            external_data_helper.set_external_data(w, f"{name}.data", offset=i * tensor, length=tensor)
            w.ClearField("raw_data")
            left = tensor
            while left:
                left -= data.write(block[: min(left, len(block))])
            weights.append(w)
            names.append(w.name)
    node = helper.make_node("Sum", names, ["y"])
    out = helper.make_tensor_value_info("y", elem, None)
    save(helper.make_model(helper.make_graph([node], "bench", [], [out], weights)), path)


def run(command):
    """Returns wall seconds and peak memory in MiB."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{command} failed")
    return seconds, usage.ru_maxrss / 1024


TOUCH = """
import mmap, re
free = int(re.search("MemFree: *([0-9]+)", open("/proc/meminfo").read())[1]) << 10
size = max(free - (1 << 30), mmap.PAGESIZE)
m = mmap.mmap(-1, size)
zeros = bytes(1 << 20)
for at in range(0, size - len(zeros), len(zeros)):
    m[at : at + len(zeros)] = zeros
"""


def fresh(folder):
    """Removes the last output, and makes free memory warm."""
    for path in folder.glob("out*"):
        path.unlink()
    os.sync()
    subprocess.run([sys.executable, "-c", TOUCH], check=True)


def bench(folder, wiseft, dtype, args):
    for name, seed in (("a", 1), ("b", 2)):
        child = multiprocessing.get_context("spawn").Process(
            target=make, args=(folder, name, dtype, size(args.size), size(args.tensor), seed))
        child.start()
        child.join()
        if child.exitcode != 0:
            sys.exit("the models could not be made")
    a, b = folder / "a.onnx", folder / "b.onnx"
    data = f"{folder}/a.data {folder}/b.data"
    sides = {
        "copy": ["sh", "-c", f"cat {data} >/dev/null; cp {folder}/b.data {folder}/out.data"],
        "copy+sync": ["sh", "-c", f"cat {data} >/dev/null; cp {folder}/b.data {folder}/out.data; sync {folder}/out.data"],
        "wiseft": [wiseft, "merge", a, b, "-o", folder / "out.onnx", "--alpha", "0.3", "-q", "--memory", args.memory],
    }
    if not args.no_python and dtype == "float32":
        sides["python"] = [sys.executable, "-c", PYTHON, a, b, folder / "out.onnx", "out.data"]
    seconds, memory = {s: [] for s in sides}, {s: 0 for s in sides}
    for round_ in range(args.rounds + 1):
        names = list(sides)
        names = names[round_ % len(names):] + names[: round_ % len(names)]
        for name in names:
            command = sides[name]
            if name == "python" and round_ not in (1, 2, 3):
                continue
            fresh(folder)
            s, m = run([str(c) for c in command])
            if round_ > 0:  # the first one warms memory and cache
                seconds[name].append(s)
                memory[name] = max(memory[name], m)
    fresh(folder)
    medians = {name: statistics.median(s) for name, s in seconds.items()}
    total = size(args.size)
    print(f"\n{dtype}, two models of {args.size}, tensors of {args.tensor}, {args.rounds} rounds\n")
    print("| side | median s | min | max | output GB/s | / copy | / copy+sync | peak MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, m in medians.items():
        s = seconds[name]
        print(f"| {name} | {m:.2f} | {min(s):.2f} | {max(s):.2f} | {total / m / 1e9:.2f} | {m / medians['copy']:.2f} | "
              f"{m / medians['copy+sync']:.2f} | {memory[name]:.0f} |", flush=True)
    return total / medians["wiseft"]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--dir", required=True, help="an empty folder on the disk to measure")
    p.add_argument("--size", default="2GiB")
    p.add_argument("--tensor", default="64MiB")
    p.add_argument("--memory", default="256MiB")
    p.add_argument("--dtypes", default="float32,float16,bfloat16")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--no-python", action="store_true")
    p.add_argument("--wiseft", help="the program; built from this repository if not given")
    args = p.parse_args()
    folder = pathlib.Path(args.dir)
    folder.mkdir(exist_ok=True)
    wiseft = args.wiseft or str(folder / "wiseft")
    if not args.wiseft:
        subprocess.run(["go", "build", "-o", wiseft, "./cmd/wiseft"], cwd=ROOT, check=True)
    rates = {dtype: bench(folder, wiseft, dtype, args) for dtype in args.dtypes.split(",")}
    for dtype, rate in rates.items():
        if dtype != "float32" and "float32" in rates:
            print(f"\n{dtype}: {rate / rates['float32']:.2f} of float32's byte rate")


if __name__ == "__main__":
    main()
