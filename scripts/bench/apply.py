"""`weights apply` against an ONNX-to-ONNX merge of that size, in turns: time, processor time, peak memory.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/apply.py --wiseft ./wiseft [--other PROGRAM] [--mib 1024] [--rounds 3] [--memory 256MiB] [--kind KIND]
        [--cold] [--sync] [--folder FOLDER]

The network is layers of a matrix in float32, a bias and a scale. Kinds: `transposed` has the matrices as exporters of MatMul store them,
without names; `same` as the checkpoint has them; `shared` is `same` with the checkpoints as the models' data files; `varied` is
`transposed` with matrices of 16 to 130 MiB instead of 64. A kind takes five times --mib of the disk, `shared` three times. The files are in
the page cache if memory suffices, unless --cold drops them before each command; what is written reaches the disk before a command ends only
with --sync. The last line of a kind has medians over the rounds: the merge's time by that of each apply, the same of the processor's
time, and the highest peak of memory. Needs numpy, onnx and Linux.
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


def shapes(mib, varied):
    size = i = 0
    while size < mib * 2**20:
        rows = 1000 + i * 2711 % 7300 + i if varied else SIDE
        yield f"layers.{i}.fc.weight", (rows, SIDE)
        yield f"layers.{i}.fc.bias", (SIDE,)
        yield f"layers.{i}.norm.weight", (SIDE,)
        size, i = size + 4 * rows * SIDE, i + 1


def write_checkpoint(path, tensors, tuned):
    header, off = {}, 0
    for name, shape in tensors:
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [off, off + size]}
        off += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.Generator(np.random.SFC64(1))
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in tensors:
            bits = np.frombuffer(random.bytes(4 * int(np.prod(shape))), np.uint32)
            file.write((bits & 0x807FFFFF | 0x3C800000 ^ (0x40 if tuned else 0)).astype(np.uint32).tobytes())


def start_of_data(checkpoint):
    with open(checkpoint, "rb") as file:
        return 8 + struct.unpack("<Q", file.read(8))[0]


def write_data(path, checkpoint, tensors, transposed):
    """Writes the payloads of the export of a checkpoint."""
    with open(checkpoint, "rb") as source, open(path, "wb") as out:
        source.seek(start_of_data(checkpoint))
        for _, shape in tensors:
            values = np.frombuffer(source.read(4 * int(np.prod(shape))), np.float32).reshape(shape)
            out.write((values.T.copy() if transposed else values).tobytes())


def write_model(path, data, off, shapes, transposed):
    """Writes the export of a checkpoint, whose payloads are those from off on of a file."""
    tensors, nodes, x = [], [], "x"
    for name, shape in shapes:
        size = 4 * int(np.prod(shape))
        matrix = len(shape) == 2
        t = TensorProto(name=name.replace(".fc.weight", ":MatMul") if matrix and transposed else name,
                        data_type=TensorProto.FLOAT, dims=shape[::-1] if transposed else shape, data_location=TensorProto.EXTERNAL)
        for key, value in ("location", os.path.basename(data)), ("offset", off), ("length", size):
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


def drop(folder):
    """Removes the files of a folder from the page cache."""
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run(label, command):
    """Runs a command and returns its seconds, those of the processor, and its peak in MiB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    peak = usage.ru_maxrss / (2**20 if os.uname().sysname == "Darwin" else 2**10)
    processor = usage.ru_utime + usage.ru_stime
    print(f"{label:24} {seconds:7.2f} s, processor {processor:7.2f} s, peak {peak:6.1f} MiB", flush=True)
    return seconds, processor, peak


def write_all(folder, kind, mib):
    tensors = list(shapes(mib, kind == "varied"))
    transposed = kind in ("transposed", "varied")
    inside = lambda name: os.path.join(folder, name)
    for name, tuned in ("base", False), ("tuned", True):
        checkpoint, data = inside(name + ".safetensors"), inside(name + ".onnx.data")
        write_checkpoint(checkpoint, tensors, tuned)
        if kind == "shared":
            write_model(inside(name + ".onnx"), checkpoint, start_of_data(checkpoint), tensors, False)
            continue
        write_data(data, checkpoint, tensors, transposed)
        write_model(inside(name + ".onnx"), data, 0, tensors, transposed)


def measure(folder, kind, args):
    inside = lambda name: os.path.join(folder, name)
    # In a process of its own: the peak of a command begins with what this process had.
    writer = multiprocessing.get_context("spawn").Process(target=write_all, args=(folder, kind, args.mib))
    writer.start()
    writer.join()
    options = ["-o", inside("out.onnx"), "--memory", args.memory, "--quiet"] + ([] if args.sync else ["--no-sync"])
    programs = {"apply": args.wiseft} | ({"apply of the other": args.other} if args.other else {})
    ratios = {label: [] for label in programs}

    def measured(label, *command):
        for name in "out.onnx", "out.onnx.data":
            if os.path.exists(inside(name)):
                os.remove(inside(name))
        if args.cold:
            drop(folder)
        return run(f"{kind}: {label}", [*command, *options])

    for _ in range(args.rounds):
        merge = measured("merge", args.wiseft, "merge", inside("base.onnx"), inside("tuned.onnx"))
        for label, program in programs.items():
            apply = measured(label, program, "weights", "apply", inside("base.onnx"), "--from", inside("base.safetensors"), "--to",
                             inside("tuned.safetensors"))
            ratios[label].append((merge[0] / apply[0], merge[1] / apply[1], apply[2]))
    for label, rounds in ratios.items():
        time, processor, peak = zip(*rounds)
        print(f"{kind}: {label} {statistics.median(time):.2f} of the speed of merge, {statistics.median(processor):.2f} by processor "
              f"time, peak {max(peak):.0f} MiB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--other")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="256MiB")
    parser.add_argument("--kind", action="append", choices=["transposed", "same", "shared", "varied"], help="transposed and same if none is named")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--sync", action="store_true")
    parser.add_argument("--folder", help="where files are made and removed again")
    args = parser.parse_args()
    for kind in args.kind or ["transposed", "same"]:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            measure(folder, kind, args)


if __name__ == "__main__":
    main()
