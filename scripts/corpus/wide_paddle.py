"""Pairs of the wide corpus from PaddlePaddle (requirements-wide-paddle.txt). wide.py judges them.

python scripts/corpus/wide_paddle.py --pairs 30 --seed 1 PAIRS
"""

import argparse
import json
import os
import pathlib
import random
import sys
import tempfile

import numpy as np
import onnx

import wide_ways as ways
from wide import HALF, TOLERANCE, distance, run
from wide_keras import distinct, generator, states

CHANGES = ["noise.05", "noise.1", "noise.2", "noise.5", "strong", "zeros", "init", "blocks", "head", "unchanged"]


def nets():
    import paddle
    from paddle import nn

    class Residual(nn.Layer):
        def __init__(self, classes):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2D(3, 8, 3, padding=1, bias_attr=False), nn.BatchNorm2D(8), nn.ReLU())
            self.blocks = nn.LayerList(
                [
                    nn.Sequential(
                        nn.Conv2D(8, 8, 3, padding=1),
                        nn.BatchNorm2D(8),
                        nn.ReLU(),
                        nn.Conv2D(8, 8, 3, padding=1),
                        nn.BatchNorm2D(8),
                    )
                    for _ in range(2)
                ]
            )
            self.fc = nn.Linear(8, classes)

        def forward(self, x):
            x = self.stem(x)
            for b in self.blocks:
                x = paddle.nn.functional.relu(x + b(x))
            return self.fc(x.mean([2, 3]))

    class Recurrent(nn.Layer):
        def __init__(self, cls, classes):
            super().__init__()
            self.rnn = cls(6, 12, 2)
            self.fc = nn.Linear(12, classes)

        def forward(self, x):
            return self.fc(self.rnn(x)[0].mean(1))

    class Transformer(nn.Layer):
        def __init__(self, classes):
            super().__init__()
            self.embed = nn.Linear(6, 16)
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0), 2)
            self.fc = nn.Linear(16, classes)

        def forward(self, x):
            return self.fc(self.encoder(self.embed(x)).mean(1))

    vision = paddle.vision.models
    return {
        "p_residual": (Residual, (3, 16, 16)),
        "p_lenet": (lambda c: vision.LeNet(c), (1, 28, 28)),
        "p_mobilenet_v1": (lambda c: vision.MobileNetV1(0.125, c), (3, 32, 32)),
        "p_mobilenet_v2": (lambda c: vision.MobileNetV2(0.1, c), (3, 32, 32)),
        "p_lstm": (lambda c: Recurrent(nn.LSTM, c), (7, 6)),
        "p_gru": (lambda c: Recurrent(nn.GRU, c), (7, 6)),
        "p_transformer": (Transformer, (9, 6)),
    }


def kind_of(name, shape):
    leaf = name.rpartition(".")[2]
    return {"_variance": "var", "_mean": "mean"}.get(leaf, "scale" if leaf == "weight" and len(shape) == 1 else leaf)


def pair(name, change, way_a, way_b, seed, folder):
    import paddle

    make, shape = nets()[name]
    x = np.random.default_rng(3).standard_normal((2, *shape)).astype(np.float32)

    def state(m):
        return [(k, tuple(v.shape)) for k, v in m.state_dict().items()]

    def built(weights, classes=5):
        m = make(classes)
        m.set_state_dict({k: paddle.to_tensor(w) for (k, _), w in zip(state(m), weights)})
        m.eval()
        return m

    def file(m, way, side):
        first, *rest = way.split("-")
        with tempfile.TemporaryDirectory() as tmp:
            spec = [paddle.static.InputSpec([2, *shape], "float32", "x")]
            paddle.onnx.export(m, str(pathlib.Path(tmp, "m")), input_spec=spec, opset_version=int(first[2:]))
            return ways.applied(onnx.load(str(pathlib.Path(tmp, "m.onnx"))), rest, side)

    def outputs(m):
        return m(paddle.to_tensor(x)).numpy()

    five = state(make(5))
    a, b = states([(kind_of(*n), n[1]) for n in five], name, change, seed)
    exported = built(a)
    if change == "head":
        seven = state(make(7))
        exported = built(
            [
                u if u.shape == s else 0.2 * generator("head", i).standard_normal(s).astype(np.float32)
                for i, (u, (_, s)) in enumerate(zip(a, seven))
            ],
            7,
        )
        a = [u if u.shape == s else v for u, v, (_, s) in zip(a, b, seven)]
    mb = built(b)
    fa, fb = file(exported, way_a, 1), file(mb, way_b, 2)
    feed = [(fb.graph.input[0].name, x)]
    for f, m in ((fa, exported), (fb, mb)):
        if (d := distance(run(f.SerializeToString(), [(f.graph.input[0].name, x)]), outputs(m))) > HALF:
            raise ValueError(f"the exporter's fault: other outputs than the framework, by {d:.2g}")
    mix = [((u.astype(np.float64) + v) / 2).astype(np.float32) for u, v in zip(a, b)]
    out = {"B": outputs(mb), "out:state": outputs(built(mix))}
    folder.mkdir(parents=True, exist_ok=True)
    expected = ways.mixed(file(built(distinct(a)), way_b, 2), fb)
    if expected is not None:
        out["out:files"] = run(expected.SerializeToString(), feed)
        ways.save(expected, folder / "expected.onnx", False)
    folded = ways.mixed(*(file(built(w), "pd15-ort1", 2) for w in (distinct(a), b)))
    if folded is not None:
        out["out:folded"] = run(folded.SerializeToString(), [(folded.graph.input[0].name, x)])
    ways.save(fa, folder / "A.onnx", False)
    ways.save(fb, folder / "B.onnx", False)
    np.savez(folder / "io.npz", **{"in:" + feed[0][0]: x}, **out)
    (folder / "meta.json").write_text(
        json.dumps(
            {
                "architecture": name,
                "a": way_a,
                "b": way_b,
                "change": change,
                "seed": seed,
                "samples": False,
                "inputs": [feed[0][0]],
                "head": change == "head",
                "framework": "paddle",
                "tolerance": HALF if "fp16" in way_a + way_b else TOLERANCE,
            }
        )
    )


def sample_way(rng):
    steps = [rng.choice(["pd11", "pd13", "pd15", "pd17"])]
    if rng.random() < 0.4:
        steps.append(rng.choice(ways.OPTIMISERS[:4]))
    if rng.random() < 0.4:
        steps.append(rng.choice(["hash", "prefix", "suffix", "shuffle"]))
    return "-".join(steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.environ["GLOG_minloglevel"] = "3"
    rng, names = random.Random(args.seed), list(nets())
    for i in range(args.pairs):
        name, change = names[i % len(names)], CHANGES[(i + i // len(names) * 3) % len(CHANGES)]
        way_a, way_b = sample_way(rng), sample_way(rng)
        folder = args.folder / f"p{args.seed:03}-{i:04}-{name}-{change}--{way_a}--{way_b}"
        try:
            pair(name, change, way_a, way_b, rng.randrange(1 << 30), folder)
        except Exception as e:
            print(f"FAILED {folder.name}: {type(e).__name__}: {str(e)[:200]!r}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
