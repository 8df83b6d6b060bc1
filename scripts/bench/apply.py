"""`weights apply` against an ONNX-to-ONNX merge of that size, in turns: time, processor time, peak memory.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/apply.py --wiseft ./wiseft [--other PROGRAM] [--mib 1024] [--rounds 3] [--memory 256MiB] [--folder FOLDER]

The network is layers of a 4096 x 4096 matrix in float32, a bias and a scale. `transposed` has the matrices as exporters of MatMul store them,
without names; `same` as the checkpoint has them. A kind takes six times --mib of the disk; the files are in the page cache if memory
suffices. The last line of a kind is the median of the merge's time by that of each apply. Needs numpy, onnx and a Unix.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import struct
import subprocess
import tempfile
import time

import numpy as np
from onnx import TensorProto, helper

SIDE = 4096


def shapes(mib):
    for i in range(max(1, mib * 2**20 // (4 * SIDE * SIDE))):
        yield f"layers.{i}.fc.weight", (SIDE, SIDE)
        yield f"layers.{i}.fc.bias", (SIDE,)
        yield f"layers.{i}.norm.weight", (SIDE,)


def write_checkpoint(path, mib, tuned):
    header, off = {}, 0
    for name, shape in shapes(mib):
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [off, off + size]}
        off += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.Generator(np.random.SFC64(1))
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in shapes(mib):
            bits = np.frombuffer(random.bytes(4 * int(np.prod(shape))), np.uint32)
            file.write((bits & 0x807FFFFF | 0x3C800000 ^ (0x40 if tuned else 0)).astype(np.uint32).tobytes())


def write_model(path, checkpoint, mib, transposed):
    """Writes the export of a checkpoint, whose payloads are its last bytes."""
    tensors, nodes, off, x = [], [], 0, "x"
    data = os.path.basename(path) + ".data"
    with open(checkpoint, "rb") as source, open(path + ".data", "wb") as out:
        source.seek(8 + struct.unpack("<Q", source.read(8))[0])
        for name, shape in shapes(mib):
            size = 4 * int(np.prod(shape))
            values = np.frombuffer(source.read(size), np.float32).reshape(shape)
            out.write((values.T.copy() if transposed else values).tobytes())
            matrix = len(shape) == 2
            t = TensorProto(name=name.replace(".fc.weight", ":MatMul") if matrix and transposed else name,
                            data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
            for key, value in ("location", data), ("offset", off), ("length", size):
                t.external_data.add(key=key, value=str(value))
            tensors, off = tensors + [t], off + size
            if matrix and not transposed:
                nodes.append(helper.make_node("Transpose", [t.name], [t.name + "_t"], perm=[1, 0]))
            operator = "MatMul" if matrix else "Add" if name.endswith("bias") else "Mul"
            nodes.append(helper.make_node(operator, [x, t.name + "_t" if matrix and not transposed else t.name], [name + "_y"]))
            x = name + "_y"
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, SIDE])
    graph = helper.make_graph(nodes, "layers", [value("x")], [value(x)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def run(label, command):
    """Runs a command and returns its seconds."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    peak = usage.ru_maxrss / (2**20 if os.uname().sysname == "Darwin" else 2**10)
    print(f"{label:24} {seconds:7.2f} s, processor {usage.ru_utime + usage.ru_stime:7.2f} s, peak {peak:6.1f} MiB", flush=True)
    return seconds


def write_all(folder, kind, mib):
    inside = lambda name: os.path.join(folder, name)
    for name, tuned in ("base", False), ("tuned", True):
        write_checkpoint(inside(name + ".safetensors"), mib, tuned)
        write_model(inside(name + ".onnx"), inside(name + ".safetensors"), mib, kind == "transposed")


def measure(folder, kind, args):
    inside = lambda name: os.path.join(folder, name)
    # In a process of its own: the peak of a command begins with what this process had.
    writer = multiprocessing.get_context("spawn").Process(target=write_all, args=(folder, kind, args.mib))
    writer.start()
    writer.join()
    options = ["-o", inside("out.onnx"), "--no-sync", "--memory", args.memory, "--force", "--quiet"]
    programs = {"apply": args.wiseft} | ({"apply of the other": args.other} if args.other else {})
    ratios = {label: [] for label in programs}
    for _ in range(args.rounds):
        merge = run(f"{kind}: merge", [args.wiseft, "merge", inside("base.onnx"), inside("tuned.onnx"), *options])
        for label, program in programs.items():
            seconds = run(f"{kind}: {label}", [program, "weights", "apply", inside("base.onnx"), "--from", inside("base.safetensors"), "--to",
                                               inside("tuned.safetensors"), *options])
            ratios[label].append(merge / seconds)
    print(", ".join(f"{kind}: {label} {statistics.median(list):.2f} of the speed of merge" for label, list in ratios.items()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--other")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="256MiB")
    parser.add_argument("--folder", help="where files are made and removed again")
    args = parser.parse_args()
    for kind in "transposed", "same":
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            measure(folder, kind, args)


if __name__ == "__main__":
    main()
