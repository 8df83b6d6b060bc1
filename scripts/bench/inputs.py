"""How long features of a model with several inputs take, as a ratio to its forward passes alone, in turns.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/inputs.py --wiseft ./wiseft [--samples 512] [--length 64] [--width 384] [--layers 6] [--threads 2]
        [--rounds 5]

The model is an encoder of token ids with an attention mask, with random weights, as float32. In each round the bare loop
of Python's onnxruntime passes batches that lie in memory, and `wiseft features` reads the same samples from an NPZ file,
makes batches, pools nothing (the model gives one row a sample) and writes the features. Each side is a process of its own,
and its time is that from the first pass to the last: neither passes anything before, since the first pass, which gets
its memory from the system, takes longer than the others. wiseft's time is that of its own report, and includes writing the
file; the whole command, with its start, is printed, too. Needs numpy, onnx and the onnxruntime that wiseft uses (see wiseft
doctor).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BATCH, VOCABULARY = 8, 1000

BARE = """
import sys, time
import numpy as np, onnxruntime
model, data, out, batch, threads = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
arrays, batch = dict(np.load(data)), int(batch)
n = len(arrays["input_ids"])
batches = [{name: a[i : i + batch] for name, a in arrays.items()} for i in range(0, n, batch)]
start, processor = time.perf_counter(), time.process_time()
rows = [session.run(["features"], b)[0] for b in batches]
print(time.perf_counter() - start, time.process_time() - processor)
np.savez(out, x=np.concatenate(rows))
"""


def encoder(width, layers, rng):
    """input_ids and attention_mask (n, length) to features (n, width)."""
    nodes, weights = [], []

    def weight(name, *shape):
        weights.append(numpy_helper.from_array((rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32), name))
        return name

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    weights += [numpy_helper.from_array(np.int64([2]), "axis2")]
    x = node("Gather", [weight("table", VOCABULARY, width), "input_ids"], "x")
    mask = node("Unsqueeze", [node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT), "axis2"], "mask3")
    for i in range(layers):
        q, k, v = (node("MatMul", [x, weight(f"{p}{i}.w", width, width)], f"{p}{i}") for p in "qkv")
        scores = node("MatMul", [q, node("Transpose", [k], f"kt{i}", perm=[0, 2, 1])], f"scores{i}")
        mixed = node("MatMul", [node("Softmax", [scores], f"p{i}", axis=-1), node("Mul", [v, mask], f"vm{i}")], f"mixed{i}")
        x = node("Tanh", [node("Add", [x, mixed], f"sum{i}")], f"h{i}")
        hidden = node("Relu", [node("MatMul", [x, weight(f"up{i}", width, 4 * width)], f"u{i}")], f"r{i}")
        x = node("Tanh", [node("Add", [x, node("MatMul", [hidden, weight(f"down{i}", 4 * width, width)], f"d{i}")], f"s{i}")], f"o{i}")
    node("ReduceMax", [node("Mul", [x, mask], "masked")], "features", axes=[1], keepdims=0)
    ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["n", "length"]) for n in ("input_ids", "attention_mask")]
    out = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])
    graph = helper.make_graph(nodes, "encoder", ids, [out], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def bare(args, model, data, out):
    """Seconds of the passes alone, and of the processor for them."""
    text = subprocess.run([sys.executable, "-c", BARE, model, data, out, str(BATCH), str(args.threads)], check=True,
                          capture_output=True).stdout
    seconds, processor = map(float, text.split())
    return {"passes": seconds, "processor": processor}


def wiseft(args, model, data, out):
    """Seconds that the command reports, of the whole command, and of the processor for the command."""
    start = time.perf_counter()
    child = subprocess.Popen([args.wiseft, "features", model, "--data", data, "-o", out, "--force", "--threads", str(args.threads),
                              "--batch", str(BATCH), "--trust-batch", "--json", "-q"], stdout=subprocess.PIPE)
    text = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit("wiseft failed")
    return {"passes": json.loads(text)["seconds"], "command": time.perf_counter() - start,
            "processor": usage.ru_utime + usage.ru_stime}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wiseft", required=True)
    for name, value in (("samples", 512), ("length", 64), ("width", 384), ("layers", 6), ("threads", 2), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        model, data = (os.path.join(folder, n) for n in ("model.onnx", "data.npz"))
        onnx.save(encoder(args.width, args.layers, rng), model)
        shape = (args.samples, args.length)
        arrays = {"input_ids": rng.integers(0, VOCABULARY, shape), "attention_mask": (rng.random(shape) < 0.8).astype(np.int64)}
        np.savez(data, **arrays)
        sides = {bare: [], wiseft: []}
        for i in range(args.rounds):
            for side in list(sides)[:: 1 if i % 2 else -1]:
                sides[side].append(side(args, model, data, os.path.join(folder, side.__name__ + ".npz")))
            print(f"round {i}:", {s.__name__: {k: round(v, 3) for k, v in r[-1].items()} for s, r in sides.items()}, flush=True)
        want, got = (np.load(os.path.join(folder, side.__name__ + ".npz"))["x"] for side in sides)
    print("largest difference of features", np.abs(got - want).max())
    ratios = {k: [b[k] / a["passes"] for a, b in zip(sides[bare], sides[wiseft])] for k in ("passes", "command")}
    least = {s.__name__: min(r["passes"] for r in results) for s, results in sides.items()}
    print(f"ratio of passes: median {statistics.median(ratios['passes']):.3f}, of the fastest rounds "
          f"{least['wiseft'] / least['bare']:.3f}; of the whole command: median {statistics.median(ratios['command']):.3f}")


if __name__ == "__main__":
    main()
