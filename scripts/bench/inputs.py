"""How long features of a model with several inputs take, as a ratio to its forward passes alone, in turns.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/inputs.py --wiseft ./wiseft [--samples 512] [--length 64] [--width 384] [--layers 6] [--rounds 5]

The model is an encoder of token ids with an attention mask, with random weights, as float32. In each round the bare loop
of Python's onnxruntime passes batches that lie in memory, and `wiseft features` reads the same samples from an NPZ file,
makes batches, pools nothing (the model gives one row a sample) and writes the features. wiseft's time is that of its own
report, from the first to the last pass; the whole command, with its start, is printed, too. Needs numpy, onnx and the
onnxruntime that wiseft uses (see wiseft doctor).
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

BATCH, THREADS, VOCABULARY = 8, 2, 1000


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


def bare(path, arrays):
    """Seconds of the passes alone, and the features."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    n = len(arrays["input_ids"])
    batches = [{name: a[i:i + BATCH] for name, a in arrays.items()} for i in range(0, n, BATCH)]
    session.run(None, batches[0])
    start = time.perf_counter()
    rows = [session.run(["features"], b)[0] for b in batches]
    return time.perf_counter() - start, np.concatenate(rows)


def wiseft(binary, model, data, out):
    """Seconds of the whole command, and those that it reports."""
    start = time.perf_counter()
    text = subprocess.run([binary, "features", model, "--data", data, "-o", out, "--force", "--threads", str(THREADS), "--batch",
                           str(BATCH), "--trust-batch", "--json", "-q"], check=True, capture_output=True).stdout
    return time.perf_counter() - start, json.loads(text).get("seconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wiseft", required=True)
    for name, value in (("samples", 512), ("length", 64), ("width", 384), ("layers", 6), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        model, data, out = (os.path.join(folder, n) for n in ("model.onnx", "data.npz", "features.npz"))
        onnx.save(encoder(args.width, args.layers, rng), model)
        shape = (args.samples, args.length)
        arrays = {"input_ids": rng.integers(0, VOCABULARY, shape), "attention_mask": (rng.random(shape) < 0.8).astype(np.int64)}
        np.savez(data, **arrays)
        inner, whole = [], []
        for i in range(args.rounds):
            sides = [lambda: bare(model, arrays), lambda: wiseft(args.wiseft, model, data, out)]
            results = [side() for side in sides] if i % 2 == 0 else [side() for side in sides[::-1]][::-1]
            (passes, want), (command, seconds) = results
            inner.append(seconds / passes if seconds else float("nan"))
            whole.append(command / passes)
            print(f"round {i}: bare {passes:.3f} s, wiseft {seconds} s, command {command:.3f} s", flush=True)
        got = np.load(out)
        rows = next(got[k] for k in got.files if got[k].shape == want.shape)
        print("largest difference of features", np.abs(rows - want).max())
        print(f"median ratio of passes {statistics.median(inner):.3f}, of the whole command {statistics.median(whole):.3f}")


if __name__ == "__main__":
    main()
