"""Measures full-size exports of the point-cloud backbones: merging them, and running them in onnxruntime.

    python scripts/bench/export.py --dir FOLDER --wiseft PROGRAM [--threads 2] [--batch 16] [--rounds 3] [name...]

Versions are those of scripts/export/requirements.txt. Weights are made by scripts/export/rule.py, so no checkpoint is
needed. One table has for each architecture and configuration

  session    seconds to make an onnxruntime session
  clouds/s   the median of the rounds, batches in memory
  given      clouds/s of the same graph cut behind its sampling, with all sampled indices as inputs
  gain       the median of given / clouds/s within a round: the most that sampling outside of the graph could bring
  merge      seconds and peak memory of `wiseft merge` with a model of other weights
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

import onnxgraph  # noqa: E402
import rule  # noqa: E402
from architectures import ARCHITECTURES, build  # noqa: E402


def filled(architecture, config, salt):
    model = build(architecture, config)
    model.load_state_dict(rule.state([(k, t.shape) for k, t in model.state_dict().items()], salt))
    return model.eval()


def clouds(batch, points):
    x = np.random.default_rng(0).standard_normal((batch, points, 3)).astype(np.float32)
    return x / np.linalg.norm(x, axis=2).max(1)[:, None, None]


def cut(model, x):
    """The graph from the sampled indices on, and the indices of a batch; None if it samples nothing."""
    model.recording = True
    with torch.no_grad():
        model(torch.from_numpy(x[:1]))
    proto = onnxgraph.trace(model, torch.from_numpy(x[:2]), model.output_names())
    model.recording = False
    names = list(model.sampled)
    if not names:
        return None
    outputs = onnxgraph.run(proto, x)
    start_at(proto.graph, names)
    return proto, {"points": x} | {name: outputs[name] for name in names}


def start_at(graph, names):
    """Makes inputs of the outputs of these names, and leaves only what `features` then needs."""
    given = [o for o in graph.output if o.name in names]
    features = [o for o in graph.output if o.name == "features"]
    needed, nodes = {"features"}, []
    for node in reversed(graph.node):
        if any(o in needed and o not in names for o in node.output):
            nodes.append(node)
            needed.update(node.input)
            for attribute in node.attribute:
                needed.update(name for inner in attribute.g.node for name in inner.input)
    weights = [t for t in graph.initializer if t.name in needed]
    for field, values in [(graph.node, nodes[::-1]), (graph.output, features), (graph.initializer, weights)]:
        del field[:]
        field.extend(values)
    graph.input.extend(given)


def session(data, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    start = time.perf_counter()
    made = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return made, time.perf_counter() - start


def rate(made, feed):
    start = time.perf_counter()
    made.run(["features"], feed)
    return len(feed["points"]) / (time.perf_counter() - start)


def running(model, path, args):
    """Seconds to make the session, clouds/s, clouds/s with given indices, gain."""
    x = clouds(args.batch, model.points)
    whole, seconds = session(path.read_bytes(), args.threads)
    sides, found = [(whole, {"points": x})], cut(model, x)
    if found:
        sides.append((session(found[0].SerializeToString(), args.threads)[0], found[1]))
    rounds = []
    for i in range(args.rounds + 1):
        rates = {k: rate(*sides[k]) for k in (range(len(sides)) if i % 2 else reversed(range(len(sides))))}
        if i > 0:  # the first one warms memory
            rounds.append(rates)
    given = statistics.median(r[1] for r in rounds) if found else None
    gain = statistics.median(r[1] / r[0] for r in rounds) if found else None
    return seconds, statistics.median(r[0] for r in rounds), given, gain


# Started by a small process: a parent's own memory counts in its child's peak.
RUN = "import sys; sys.path.insert(0, sys.argv[1]); import merge; print(*merge.run(sys.argv[2:]))"


def run(command):
    """Wall seconds and peak memory in MiB."""
    launcher = [sys.executable, "-c", RUN, HERE, *command]
    said = subprocess.run(launcher, check=True, capture_output=True, text=True).stdout
    return [float(x) for x in said.split()]


def export(model, path):
    x = torch.from_numpy(clouds(2, model.points))
    path.write_bytes(onnxgraph.trace(model, x, model.output_names()).SerializeToString())


def bench(architecture, config, args):
    paths = [args.dir / f"{name}.onnx" for name in ("a", "b")]
    model = filled(architecture, config, "a/")
    export(model, paths[0])
    figures = running(model, paths[0], args)
    export(filled(architecture, config, "b/"), paths[1])
    out = args.dir / "out.onnx"
    command = [str(args.wiseft), "merge", *map(str, paths), "-o", str(out), "--alpha", "0.5", "-q", "--force"]
    runs = [run(command) for _ in range(args.rounds)]
    size = paths[1].stat().st_size / (1 << 20)
    for path in [*paths, out]:
        path.unlink()
    return size, *figures, statistics.median(s for s, _ in runs), max(m for _, m in runs)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--dir", required=True, type=pathlib.Path, help="a folder for the models")
    p.add_argument("--wiseft", required=True, type=pathlib.Path, help="the program")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("name", nargs="*", help="architecture/configuration; default all without the linear and 8k ones")
    args = p.parse_args()
    args.dir.mkdir(exist_ok=True)
    names = args.name or [f"{a}/{c}" for a, cls in ARCHITECTURES.items() for c in cls.CONFIGS if "-" not in c]
    print("| model | MiB | session s | clouds/s | given | gain | merge s | merge peak MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        size, seconds, whole, given, gain, merging, peak = bench(*name.split("/"), args)
        cuts = f"{given:.1f} | {gain:.2f}" if given else "- | -"
        print(f"| {name} | {size:.0f} | {seconds:.2f} | {whole:.1f} | {cuts} | {merging:.2f} | {peak:.0f} |",
              flush=True)


if __name__ == "__main__":
    main()
