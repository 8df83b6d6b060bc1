"""How long `wiseft features` takes on little data, as a ratio to a bare loop in Python, in turns.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/features.py --wiseft ./wiseft --model pointnet.onnx --output features --data test.npz \
        [--rows 8,908] [--threads 1] [--rounds 10]

The data is an NPZ with x (n, points, 3) float32 and y, the model takes (batch, 3, points). The sides:

wiseft  the whole command, from the start of its process to its end
bare    Python's onnxruntime in a process of its own: session, passes in batches of 8, and the written file; the
        interpreter's start and imports are not counted

A row of the table is a number of clouds: the least wall and processor time of each side, the ratios bare / wiseft (above
1, wiseft is faster), the time from the start of the process until the first pass of the data begins, and peak memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

BARE = """
import sys, time
import numpy as np, onnxruntime
model, data, output, threads, out = sys.argv[1:]
wall, processor = time.perf_counter(), time.process_time()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
loaded = np.load(data)
x, y, name, rows = loaded["x"], loaded["y"], session.get_inputs()[0].name, []
begun = time.perf_counter()
for i in range(0, len(x), 8):
    rows.append(session.run([output], {name: np.ascontiguousarray(x[i : i + 8].transpose(0, 2, 1))})[0])
np.savez(out, x=np.concatenate(rows), y=y)
print(time.perf_counter() - wall, time.process_time() - processor, begun - wall)
"""


def run(command):
    """Returns wall and processor seconds, peak memory in MiB, and standard output."""
    start = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


def wiseft(args, data, folder):
    wall, processor, memory, text = run([args.wiseft, "features", args.model, "--data", data, "--output", args.output, "--threads",
                                         args.threads, "-o", f"{folder}/wiseft.npz", "--force", "--json", "-q"])
    return wall, processor, wall - json.loads(text)["seconds"], memory


def bare(args, data, folder):
    _, _, memory, text = run([sys.executable, "-c", BARE, args.model, data, args.output, args.threads, f"{folder}/bare.npz"])
    wall, processor, begun = map(float, text.split())
    return wall, processor, begun, memory


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--wiseft", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--output", default="features")
    p.add_argument("--data", required=True)
    p.add_argument("--rows", default="8,908")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=10)
    args = p.parse_args()
    whole = np.load(args.data)
    print(f"{args.threads} threads, the least of {args.rounds} rounds\n")
    print("| clouds | wiseft ms (processor) | bare ms (processor) | bare / wiseft (processor) | begins at ms, wiseft, bare "
          "| peak MiB, wiseft, bare |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for rows in map(int, args.rows.split(",")):
            data = f"{folder}/data.npz"
            np.savez(data, x=whole["x"][:rows], y=whole["y"][:rows])
            sides = {wiseft: [], bare: []}
            for i in range(args.rounds):
                for side in list(sides)[:: 1 if i % 2 else -1]:
                    sides[side].append(side(args, data, folder))
            ours, theirs = ([min(column) for column in zip(*sides[s])] for s in (wiseft, bare))
            a, b = np.load(f"{folder}/wiseft.npz")["x"], np.load(f"{folder}/bare.npz")["x"]
            if not np.array_equal(a, b):
                print(f"features differ by up to {abs(a - b).max():.3g}")
            print(f"| {rows} | {1e3 * ours[0]:.0f} ({1e3 * ours[1]:.0f}) | {1e3 * theirs[0]:.0f} ({1e3 * theirs[1]:.0f}) "
                  f"| {theirs[0] / ours[0]:.2f} ({theirs[1] / ours[1]:.2f}) | {1e3 * ours[2]:.0f}, {1e3 * theirs[2]:.0f} "
                  f"| {ours[3]:.0f}, {theirs[3]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
