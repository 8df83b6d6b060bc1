"""Pairs of the wide corpus from other tools than PyTorch: Keras with TensorFlow's and JAX' backends, TFLite, jax2onnx
and scikit-learn (requirements-wide-keras.txt). wide.py judges them.

    python scripts/corpus/wide_keras.py --pairs 80 --seed 1 PAIRS

Keras has one backend in a process, so each backend has its own, and leaves its files in the pairs' folders.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

import numpy as np
import onnx

import wide_ways as ways
from wide import HALF, TOLERANCE, distance, run

CHANGES = ["noise.05", "noise.1", "noise.2", "noise.5", "strong", "zeros", "init", "blocks", "head", "unchanged"]
KERAS = {
    "tf15": "tensorflow",
    "tf18": "tensorflow",
    "kx": "tensorflow",
    "tflite": "tensorflow",
    "jaxkx": "jax",
    "jax2onnx": "jax",
}
SKL = ["skl", "skl12"]


def generator(*key):
    return np.random.default_rng(
        int.from_bytes(hashlib.sha256("/".join(map(str, key)).encode()).digest()[:8], "little")
    )


# --- architectures of Keras


def keras_nets():
    import keras
    from keras import layers as L
    from keras.src.applications import convnext, densenet, efficientnet

    made = {}

    def gelu(x):  # tf2onnx cannot write Erfc
        return keras.activations.gelu(x, approximate=True)

    def net(name, shape, integers=None, head=True, tflite=True):
        def register(f):
            made[name] = {"make": f, "shape": shape, "integers": integers, "head": head, "tflite": tflite}
            return f

        return register

    def application(name, f, shape=(32, 32, 3), **options):
        net(name, shape, **options)(lambda c: keras.Model(*f(c)) if isinstance(f(c), tuple) else f(c))

    A = keras.applications
    fixed = dict(weights=None, classifier_activation=None)
    application("k_mobilenet", lambda c: A.MobileNet((32, 32, 3), alpha=0.1, depth_multiplier=1, classes=c, **fixed))
    application("k_mobilenet_v2", lambda c: A.MobileNetV2((32, 32, 3), alpha=0.1, classes=c, **fixed))
    application("k_densenet", lambda c: densenet.DenseNet([1, 1, 1, 1], input_shape=(32, 32, 3), classes=c, **fixed))
    application(
        "k_convnext",
        lambda c: convnext.ConvNeXt(
            depths=[1, 1, 1, 1],
            projection_dims=[8, 16, 16, 24],
            input_shape=(32, 32, 3),
            include_preprocessing=False,
            classes=c,
            **fixed,
        ),
    )
    application(
        "k_efficientnet",
        lambda c: efficientnet.EfficientNet(
            0.15, 0.3, 32, input_shape=(32, 32, 3), classes=c, activation="swish", name="efficientnet", **fixed
        ),
    )

    def block(x, n, stride=1):
        y = L.Conv2D(n, 3, stride, padding="same", use_bias=False)(x)
        y = L.ReLU()(L.BatchNormalization()(y))
        y = L.BatchNormalization()(L.Conv2D(n, 3, padding="same")(y))
        if stride != 1 or x.shape[-1] != n:
            x = L.BatchNormalization()(L.Conv2D(n, 1, stride)(x))
        return L.ReLU()(L.Add()([x, y]))

    @net("k_resnet", (16, 16, 3))
    def _(c):
        x = i = keras.Input((16, 16, 3))
        for n, s in ((8, 1), (8, 1), (16, 2), (16, 1)):
            x = block(x, n, s)
        return keras.Model(i, L.Dense(c)(L.GlobalAveragePooling2D()(x)))

    @net("k_flatten", (8, 8, 3))
    def _(c):
        x = i = keras.Input((8, 8, 3))
        x = L.Conv2D(8, 3, activation="relu")(x)
        x = L.MaxPooling2D()(x)
        x = L.Dense(24, activation="relu")(L.Flatten()(x))
        return keras.Model(i, L.Dense(c)(x))

    @net("k_separable", (16, 16, 3))
    def _(c):
        x = i = keras.Input((16, 16, 3))
        for n in (8, 12, 12):
            x = L.PReLU(shared_axes=[1, 2])(L.BatchNormalization()(L.SeparableConv2D(n, 3, padding="same")(x)))
        return keras.Model(i, L.Dense(c)(L.GlobalMaxPooling2D()(x)))

    @net("k_unet", (16, 16, 3), head=False)
    def _(c):
        i = keras.Input((16, 16, 3))
        a = L.Conv2D(8, 3, padding="same", activation="relu")(i)
        b = L.Conv2D(12, 3, 2, padding="same", activation="relu")(a)
        u = L.Conv2DTranspose(8, 2, 2, padding="same")(b)
        return keras.Model(i, L.Conv2D(4, 1)(L.Concatenate()([a, L.LeakyReLU()(u)])))

    @net("k_groupnorm", (16, 16, 3))
    def _(c):
        x = i = keras.Input((16, 16, 3))
        for n in (8, 8, 16):
            x = L.Activation("swish")(L.GroupNormalization(4)(L.Conv2D(n, 3, padding="same")(x)))
        return keras.Model(i, L.Dense(c)(L.GlobalAveragePooling2D()(x)))

    @net("k_transformer", (10,), integers=30)
    def _(c):
        i = keras.Input((10,), dtype="int32")
        x = L.Embedding(30, 16)(i)
        for _ in range(2):
            n = L.LayerNormalization()(x)
            x = L.Add()([x, L.MultiHeadAttention(2, 8)(n, n)])
            n = L.LayerNormalization()(x)
            x = L.Add()([x, L.Dense(16)(L.Dense(32, activation=gelu)(n))])
        return keras.Model(i, L.Dense(c)(L.GlobalAveragePooling1D()(L.LayerNormalization()(x))))

    def recurrent(name, layer):
        @net(name, (7, 6), tflite=False)
        def _(c):
            x = i = keras.Input((7, 6))
            x = layer(12, return_sequences=True)(x)
            x = layer(12)(x)
            return keras.Model(i, L.Dense(c)(x))

    recurrent("k_lstm", lambda n, **k: L.LSTM(n, **k))
    recurrent("k_gru", lambda n, **k: L.GRU(n, **k))
    recurrent("k_simplernn", lambda n, **k: L.SimpleRNN(n, **k))
    recurrent("k_bilstm", lambda n, **k: L.Bidirectional(L.LSTM(n, **k)))

    @net("k_conv1d", (20, 4))
    def _(c):
        x = i = keras.Input((20, 4))
        for n in (8, 16):
            x = L.BatchNormalization()(L.Conv1D(n, 3, padding="same", activation="elu")(x))
        return keras.Model(i, L.Dense(c)(L.GlobalAveragePooling1D()(x)))

    @net("k_mlp", (12,))
    def _(c):
        x = i = keras.Input((12,))
        for n in (24, 24, 16):
            x = L.BatchNormalization()(L.Dense(n, activation="relu")(x))
        return keras.Model(i, L.Dense(c)(x))

    @net("k_mixer", (16, 12))
    def _(c):
        x = i = keras.Input((16, 12))
        for _ in range(2):
            y = L.Permute((2, 1))(L.LayerNormalization()(x))
            x = L.Add()([x, L.Permute((2, 1))(L.Dense(16)(L.Dense(32, activation=gelu)(y)))])
            x = L.Add()([x, L.Dense(12)(L.Dense(24, activation=gelu)(L.LayerNormalization()(x)))])
        return keras.Model(i, L.Dense(c)(L.GlobalAveragePooling1D()(x)))

    return made


def inputs_of(net, seed=3):
    r = np.random.default_rng(seed)
    shape = (2, *net["shape"])
    return (
        r.integers(0, net["integers"], shape).astype(np.int32)
        if net["integers"]
        else r.standard_normal(shape).astype(np.float32)
    )


def kind_of(path):
    leaf = path.rpartition("/")[2]
    norm = "norm" in path.rpartition("/")[0].rpartition("/")[2] or leaf in (
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    )
    return (
        "var"
        if leaf == "moving_variance"
        else "scale" if leaf == "gamma" else "mean" if leaf == "moving_mean" else "norm" if norm else leaf
    )


def states(shapes, architecture, change, seed):
    """The weights of A and B for [(kind, shape)], in a layer order that does not depend on the backend."""
    a, b = [], []
    seen = {}
    for i, (kind, shape) in enumerate(shapes):
        r = generator(architecture, seed, i)
        n = r.standard_normal(shape)
        if kind in ("var", "scale"):
            v = np.exp(0.2 * n)
        elif len(shape) < 2:
            v = 0.1 * n
        else:
            fan = np.prod(shape[:-1]) if kind != "embeddings" else 1
            v = n * (1.5 / np.sqrt(min(fan, 400)))
        if change == "init":
            v = np.ones(shape) if kind in ("var", "scale") else np.zeros(shape) if len(shape) < 2 else v
        if change == "blocks":
            v = seen.setdefault((kind, tuple(shape)), v)
        if change == "zeros" and len(shape) >= 2:
            v = v * (np.abs(v) > np.median(np.abs(v)))
        a.append(v.astype(np.float32))
        m = generator(architecture, seed, i, "B", change).standard_normal(shape)
        level = float(change[5:]) if change.startswith("noise") else 0.0 if change == "unchanged" else 0.1
        rms = np.sqrt(np.mean(v**2)) or 0.1
        if kind == "var":
            w = v * np.exp(level * m)
        elif change == "strong" and len(shape) >= 2 and i % 3 == 0:
            w = 0.6 * v + 0.8 * rms * m
        else:
            w = v + level * rms * m
        if change == "zeros" and len(shape) >= 2:
            w = w * (np.abs(w) > np.median(np.abs(w)))
        b.append(w.astype(np.float32))
    return a, b


def distinct(weights):
    r = generator("distinct")
    return [w + (1e-5 * max(np.abs(w).mean(), 0.02) * r.standard_normal(w.shape)).astype(np.float32) for w in weights]


def keras_file(way, model, net, batch=2):
    """The ONNX model of a Keras model by one exporter."""
    import tempfile

    x = inputs_of(net)
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder, "m.onnx"))
        if way in ("kx", "jaxkx"):
            model.export(path, format="onnx", verbose=False)
            return onnx.load(path)
        if way == "jax2onnx":
            import jax
            from jax2onnx import to_onnx

            return to_onnx(lambda v: model(v, training=False), [jax.ShapeDtypeStruct((batch, *net["shape"]), x.dtype)])
        import tensorflow as tf
        import tf2onnx

        if way == "tflite":
            lite = tf.lite.TFLiteConverter.from_keras_model(model).convert()
            pathlib.Path(folder, "m.tflite").write_bytes(lite)
            return tf2onnx.convert.from_tflite(str(pathlib.Path(folder, "m.tflite")), opset=15)[0]
        f = tf.function(lambda v: model(v, training=False))
        spec = [tf.TensorSpec((batch, *net["shape"]), x.dtype, name="input")]
        return tf2onnx.convert.from_function(f, spec, opset=int(way[2:]))[0]


def keras_side(jobs, backend, folder):
    """Writes what this backend makes of every job: its sides' files, and beside B what is right."""
    os.environ["KERAS_BACKEND"] = backend
    import keras
    import logging

    logging.disable(logging.CRITICAL)
    nets = keras_nets()
    for job in jobs:
        to = folder / job["name"]
        net = nets[job["architecture"]]
        for side in "ab":
            first, *rest = job[side].split("-")
            if KERAS[first] != backend or (to / f"{side}.failed").exists() or (to / f"{side}.json").exists():
                continue
            to.mkdir(parents=True, exist_ok=True)
            try:
                one_keras_side(keras, job, net, side, first, rest, to)
            except Exception as e:
                (to / f"{side}.failed").write_text(f"{type(e).__name__}: {str(e)[:500]}")
                print(f"FAILED {job['name']} {side}: {type(e).__name__}: {str(e)[:150]!r}", flush=True)
                if os.environ.get("WIDE_TRACE"):
                    raise


def one_keras_side(keras, job, net, side, first, rest, to):
    x = inputs_of(net)

    def built(weights, classes=5):
        if job["clear"] or side == "b":  # tf2onnx orders by names, and what is right is read off by position
            keras.utils.clear_session()
        m = net["make"](classes)
        m(x)
        m.set_weights(weights)
        return m

    probe = net["make"](5)
    shapes = [(kind_of(w.path), tuple(w.shape)) for w in probe.weights]
    a, b = states(shapes, job["architecture"], job["change"], job["seed"])
    if "seed" in "".join(k for k, _ in shapes):
        raise ValueError("seed generators are in the state")

    def file(m):
        return ways.applied(keras_file(first, m, net), rest, 1 if side == "a" else 2)

    def outputs(m):
        return np.asarray(m(x, training=False))

    if side == "a":
        classes, own = 5, a
        if job["change"] == "head" and net["head"]:
            classes = 7
            wide = [(k.path, tuple(k.shape)) for k in net["make"](7).weights]
            own = [
                v if v.shape == s else 0.2 * generator("head", i).standard_normal(s).astype(np.float32)
                for i, (v, (_, s)) in enumerate(zip(a, wide))
            ]
        m = built(own, classes)
        f = file(m)
        check(f, x, outputs(m))
        ways.save(f, to / "A.onnx", "ext" in rest)
        (to / "a.json").write_text("{}")
        return
    if job["change"] == "head" and net["head"]:
        wide = [tuple(k.shape) for k in net["make"](7).weights]
        a = [u if u.shape == s else v for u, v, s in zip(a, b, wide)]
    mb = built(b)
    fb = file(mb)
    check(fb, x, outputs(mb))
    out = {"B": outputs(mb)}
    mix = [((u.astype(np.float64) + v) / 2).astype(np.float32) for u, v in zip(a, b)]
    out["out:state"] = outputs(built(mix))
    name = fb.graph.input[0].name
    expected = ways.mixed(file(built(a)), fb)
    if expected is None:
        expected = ways.mixed(file(built(distinct(a))), fb)
    if expected is not None:
        out["out:files"] = run(expected.SerializeToString(), [(name, x)])
        ways.save(expected, to / "expected.onnx", False)
    if (
        KERAS[first] == "tensorflow" and any(k == "var" for k, _ in shapes) and job["a"] != job["b"]
    ):  # with BatchNormalization and scales folded
        for extra, steps in (("tf15", []), ("tf15", ["ort1"]), ("tflite", [])):
            try:
                fa, fo = (ways.applied(keras_file(extra, built(w), net), steps, 2) for w in (distinct(a), b))
                folded = ways.mixed(fa, fo)
                if folded is not None:
                    out["out:" + "-".join([extra, *steps])] = run(
                        folded.SerializeToString(), [(folded.graph.input[0].name, x)]
                    )
            except Exception:
                pass
    ways.save(fb, to / "B.onnx", "ext" in rest)
    np.savez(to / "io.npz", **{"in:" + name: x}, **out)
    (to / "b.json").write_text(json.dumps({"inputs": [name], "tolerance": HALF if "fp16" in rest else TOLERANCE}))


def check(f, x, want):
    if (d := distance(run(f.SerializeToString(), [(f.graph.input[0].name, x)]), want)) > HALF:
        raise ValueError(f"the exporter's fault: other outputs than the framework, by {d:.2g}")


def sample_way(rng, only=None):
    steps = [rng.choice(only or list(KERAS) + ["tf15"])]
    if rng.random() < 0.35:
        steps.append(rng.choice(ways.OPTIMISERS[:4]))
    if rng.random() < 0.35:
        steps.append(rng.choice(["hash", "prefix", "suffix", "shuffle"]))
    if rng.random() < 0.04 and not steps[-1].startswith("ort"):
        steps.append("fp16")
    if rng.random() < 0.05:
        steps.append("ext")
    return "-".join(steps)


NAMES = [
    "k_mobilenet",
    "k_mobilenet_v2",
    "k_densenet",
    "k_convnext",
    "k_efficientnet",
    "k_resnet",
    "k_flatten",
    "k_separable",
    "k_unet",
    "k_groupnorm",
    "k_transformer",
    "k_lstm",
    "k_gru",
    "k_simplernn",
    "k_bilstm",
    "k_conv1d",
    "k_mlp",
    "k_mixer",
]


def plan(args):
    rng = random.Random(args.seed)
    jobs = []
    for i in range(args.pairs):
        architecture = NAMES[i % len(NAMES)]
        change = CHANGES[(i + i // len(NAMES) * 3) % len(CHANGES)]
        a, b = sample_way(rng), sample_way(rng)
        if rng.random() < 0.3:  # one exporter
            b = "-".join([a.split("-")[0], *b.split("-")[1:]])
        if args.same:
            a = b = args.same
        jobs.append(
            {
                "name": f"k{args.seed:03}-{i:04}-{architecture}-{change}--{a}--{b}",
                "architecture": architecture,
                "a": a,
                "b": b,
                "change": change,
                "seed": rng.randrange(1 << 30),
                "clear": rng.random() < 0.5,
            }
        )
    return jobs


def finish(jobs, folder):
    made = 0
    for job in jobs:
        to = folder / job["name"]
        if (to / "a.json").exists() and (to / "b.json").exists():
            meta = {
                **job,
                **json.loads((to / "b.json").read_text()),
                "samples": False,
                "framework": "keras",
                "head": job["change"] == "head",
            }
            if "fp16" in job["a"]:
                meta["tolerance"] = HALF
            (to / "meta.json").write_text(json.dumps(meta))
            made += 1
    print(f"{made} of {len(jobs)} pairs made")


# --- scikit-learn


def skl_pairs(args):
    from skl2onnx import to_onnx
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    import warnings

    warnings.simplefilter("ignore")

    rng = np.random.default_rng(args.seed)
    x = rng.standard_normal((60, 8)).astype(np.float32)
    nets = {
        "skl_mlp_regressor": lambda: MLPRegressor(hidden_layer_sizes=(16, 12), max_iter=5),
        "skl_mlp_classifier": lambda: MLPClassifier(hidden_layer_sizes=(16, 12), max_iter=5),
        "skl_pca_mlp": lambda: make_pipeline(PCA(6), MLPRegressor(hidden_layer_sizes=(12,), max_iter=5)),
        "skl_scaler_mlp": lambda: make_pipeline(
            StandardScaler(), MLPRegressor(hidden_layer_sizes=(12, 12), max_iter=5)
        ),
        "skl_logistic": lambda: LogisticRegression(max_iter=20),
    }
    import copy

    for k, (name, make) in enumerate(nets.items()):
        y = rng.integers(0, 4, 60) if "classifier" in name or "logistic" in name else rng.standard_normal(60)
        base = make().fit(x, y)
        for change in ("noise.1", "noise.5", "unchanged"):
            a, b, m = (copy.deepcopy(base) for _ in range(3))
            level = 0 if change == "unchanged" else float(change[5:])
            for arrays in zip(*(skl_arrays(p) for p in (a, b, m))):
                u, v, w = arrays
                v += level * np.sqrt(np.mean(u**2)) * rng.standard_normal(u.shape)
                w[...] = (u + v) / 2
            for way_a, way_b in (("skl", "skl"), ("skl", "skl12-hash"), ("skl-prefix", "skl-slim")):

                def file(p, way, side):
                    first, *rest = way.split("-")
                    options = {"zipmap": False} if "classifier" in name or "logistic" in name else None
                    f = to_onnx(
                        p, x[:1], options=options, target_opset={"": 15 if first == "skl" else 12, "ai.onnx.ml": 2}
                    )
                    return ways.applied(f, rest, side)

                to = args.folder / f"skl{args.seed:03}-{name}-{change}--{way_a}--{way_b}"
                shutil.rmtree(to, ignore_errors=True)
                to.mkdir(parents=True)
                fa, fb, fm = file(a, way_a, 1), file(b, way_b, 2), file(m, way_b, 2)
                out = -1
                for f in (fa, fb, fm):
                    del f.graph.output[:-1]
                feed = [(fb.graph.input[0].name, x[:4])]
                ways.save(fa, to / "A.onnx", False)
                ways.save(fb, to / "B.onnx", False)
                ways.save(fm, to / "expected.onnx", False)
                np.savez(
                    to / "io.npz",
                    **{
                        "in:" + feed[0][0]: feed[0][1],
                        "B": run(fb.SerializeToString(), feed),
                        "out:state": run(fm.SerializeToString(), feed),
                    },
                )
                (to / "meta.json").write_text(
                    json.dumps(
                        {
                            "architecture": name,
                            "a": way_a,
                            "b": way_b,
                            "change": change,
                            "seed": args.seed,
                            "tolerance": TOLERANCE,
                            "samples": False,
                            "inputs": [feed[0][0]],
                            "head": False,
                            "framework": "sklearn",
                        }
                    )
                )


def skl_arrays(p):
    found = []
    for step in [s for _, s in p.steps] if hasattr(p, "steps") else [p]:
        if hasattr(step, "coefs_"):
            found += [*step.coefs_, *step.intercepts_]
        elif hasattr(step, "coef_"):
            found += [step.coef_, step.intercept_]
        elif hasattr(step, "components_"):
            found += [step.components_, step.mean_]
        elif hasattr(step, "mean_"):
            found += [step.mean_, step.scale_]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--same", help="both sides in this way")
    parser.add_argument("--backend", help="only this backend's sides; as the script runs itself")
    parser.add_argument("--only-sklearn", action="store_true")
    parser.add_argument("--only-finish", action="store_true", help="describe what an interrupted run has made")
    args = parser.parse_args()
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_NUM_INTRAOP_THREADS="1")
    if args.only_sklearn:
        return skl_pairs(args)
    jobs = plan(args)
    if args.only_finish:
        return finish(jobs, args.folder)
    if args.backend:
        return keras_side(jobs, args.backend, args.folder)
    running = [subprocess.Popen([sys.executable, *sys.argv, "--backend", b]) for b in ("tensorflow", "jax")]
    for p in running:
        p.wait()
    finish(jobs, args.folder)


if __name__ == "__main__":
    sys.exit(main())
