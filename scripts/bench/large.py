"""Commands on models of very many small tensors: seconds, memory, and how soon Ctrl-C ends them.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/large.py --wiseft ./wiseft --dir FOLDER [--other ./before] [--rounds 3] [--only TEXT] [--quick] [--any-time]

The models are made once in FOLDER. A block is a MatMul by 8 x 8 weights, an Add of 8 and a Relu; a pair's second model is the
first one with a tenth of noise. Pairs of 200,000 tensors: "blocks" is a chain of blocks, "renamed" the same with other names in
the second model, "sums" a chain of Adds of 8 elements. "nodes" is a chain of blocks with 10,000 operators, "attributes" one
model of 100,000 Constants with a tensor each, and "head" is "blocks" with another last layer in the second model. --other runs
another program in turns; outputs of the two must be equal byte for byte. "stopped" is the longest time from SIGINT to the end,
for signals sent at a tenth to nine tenths of the command's time. Figures are medians. The exit status is 1 if a bound is not
kept, unless --any-time is given. Needs numpy and onnx, and a Unix.
"""

import argparse
import hashlib
import multiprocessing
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import time

BOUNDS = {"200,000 tensors": 5, "10,000 operators": 0.5, "100,000 attributes": 2}  # seconds
STOP_BOUND = 1  # second from the signal to the end


def chain(tensors, seed, prefix, sums=False, classes=8):
    """A chain of Adds (sums), or of blocks of MatMul, Add and Relu; the last layer has so many classes."""
    import numpy as np
    from onnx import TensorProto, helper

    start, move = np.random.default_rng(0), np.random.default_rng(seed)
    nodes, weights, last = [], [], "x"

    def weight(name, dims):
        values = start.standard_normal(dims) + (0.1 * move.standard_normal(dims) if seed else 0)
        weights.append(TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims,
                                   raw_data=values.astype("<f4").tobytes()))
        return name

    for i in range(tensors if sums else tensors // 2):
        name = f"{prefix}layer{i}"
        if sums:
            nodes.append(helper.make_node("Add", [last, weight(name + ".bias", [8])], [name]))
        else:
            out = classes if i == tensors // 2 - 1 else 8
            nodes.append(helper.make_node("MatMul", [last, weight(name + ".weight", [8, out])], [name + ".product"]))
            nodes.append(helper.make_node("Add", [name + ".product", weight(name + ".bias", [out])], [name + ".sum"]))
            nodes.append(helper.make_node("Relu", [name + ".sum"], [name]))
        last = name
    return graph(nodes, weights, last, classes)


def attributes(tensors):
    """Constants with a tensor each, added in a chain."""
    import numpy as np
    from onnx import TensorProto, helper

    rng, nodes, last = np.random.default_rng(0), [], "x"
    for i in range(tensors):
        value = TensorProto(data_type=TensorProto.FLOAT, dims=[8], raw_data=rng.standard_normal(8).astype("<f4").tobytes())
        nodes.append(helper.make_node("Constant", [], [f"c{i}"], value=value))
        nodes.append(helper.make_node("Add", [last, f"c{i}"], [f"v{i}"]))
        last = f"v{i}"
    return graph(nodes, [], last, 8)


def graph(nodes, weights, last, classes):
    from onnx import TensorProto, helper

    vector = lambda name, n: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", n])
    return helper.make_model(helper.make_graph(nodes, "large", [vector("x", 8)], [vector(last, classes)], weights),
                             opset_imports=[helper.make_opsetid("", 17)])


def make(folder, quick):
    """Makes the missing models, and returns their paths by name."""
    # In a process of its own: the peak of a command begins with what this process had.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(make_here, (folder, quick))


def make_here(folder, quick):
    folder.mkdir(parents=True, exist_ok=True)
    many, operators = (20_000, 3_000) if quick else (200_000, 10_000)
    makers = {
        "blocks-a": lambda: chain(many, 0, ""), "blocks-b": lambda: chain(many, 1, ""),
        "head-b": lambda: chain(many, 1, "", classes=10), "renamed-b": lambda: chain(many, 1, "module."),
        "sums-a": lambda: chain(many, 0, "", sums=True), "sums-b": lambda: chain(many, 1, "", sums=True),
        "nodes-a": lambda: chain(operators * 2 // 3, 0, ""), "nodes-b": lambda: chain(operators * 2 // 3, 1, ""),
        "attributes": lambda: attributes(many // 2),
    }
    paths = {}
    for name, maker in makers.items():
        paths[name] = folder / f"{name}-{many}.onnx"
        if not paths[name].exists():
            paths[name].write_bytes(maker().SerializeToString())
    return paths


def cases(paths, folder):
    """Yields each case's name, the kind whose bound it has, its arguments, and the file that it writes, or None."""
    for name, a in (("blocks", "blocks"), ("head", "blocks"), ("renamed", "blocks"), ("sums", "sums")):
        pair = [paths[a + "-a"], paths[name + "-b"]]
        yield f"diff {name}", "200,000 tensors", ["diff", *pair, "--json"], None
        yield f"merge --plan {name}", "200,000 tensors", ["merge", *pair, "--plan", "--json"], None
    merged = folder / "out.onnx"
    yield ("merge nodes", "10,000 operators",
           ["merge", paths["nodes-a"], paths["nodes-b"], "-o", merged, "--force", "--json"], merged)
    yield "inspect attributes", "100,000 attributes", ["inspect", paths["attributes"], "--json"], None


def measure(command, written):
    """Returns wall seconds, processor seconds, peak memory in MiB, and the hash of what the command prints or writes."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        if status:
            raise SystemExit(f"{' '.join(map(str, command))} ended with status {status}")
        if written:
            digest = hashlib.sha256(written.read_bytes()).hexdigest()
        else:
            out.seek(0)
            digest = hashlib.file_digest(out, "sha256").hexdigest()
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, digest


def stop(command, seconds):
    """Returns the longest time from SIGINT to the end of a command that takes so many seconds, and the signals sent."""
    longest, sent = 0, 0
    for tenth in range(1, 10):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(seconds * tenth / 10)
            continue  # it was faster this time
        except subprocess.TimeoutExpired:
            pass
        child.send_signal(signal.SIGINT)
        start = time.perf_counter()
        child.wait()
        longest, sent = max(longest, time.perf_counter() - start), sent + 1
    return longest, sent


def compare(args, name, arguments, written):
    """Runs a case in turns, and returns its figures by program."""
    programs = {"wiseft": args.wiseft, **({"other": args.other} if args.other else {})}
    runs, digests = {p: [] for p in programs}, set()
    for _ in range(args.rounds):
        for label, program in programs.items():
            *figures, digest = measure([program, *arguments, "--quiet"], written)
            runs[label].append(figures)
            digests.add(digest)
    if len(digests) > 1:
        raise SystemExit(f"{name}: outputs differ")
    return {label: [statistics.median(column) for column in zip(*list_)] for label, list_ in runs.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--dir", required=True, type=pathlib.Path)
    parser.add_argument("--other")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, without bounds")
    parser.add_argument("--any-time", action="store_true", help="do not fail because of a bound")
    args = parser.parse_args()
    chosen = [c for c in cases(make(args.dir, args.quick), args.dir) if args.only in c[0]]
    if not chosen:
        parser.error(f"no case has {args.only!r} in its name")
    failed = False
    print("| case | program | wall, s | processor, s | memory, MiB | stopped within, s (signals) | bound, s |")
    print("|---|---|---|---|---|---|---|")
    for name, kind, arguments, written in chosen:
        for label, (wall, processor, memory) in compare(args, name, arguments, written).items():
            stopped = ""
            if label == "wiseft":
                longest, sent = stop([args.wiseft, *map(str, arguments), "--quiet"], wall)
                stopped = f"{longest:.2f} ({sent})"
                failed |= not args.quick and not args.any_time and (wall > BOUNDS[kind] or longest > STOP_BOUND)
            print(f"| {name} | {label} | {wall:.2f} | {processor:.2f} | {memory:.0f} | {stopped} | {BOUNDS[kind]} |", flush=True)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
