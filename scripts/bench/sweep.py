"""How long a sweep takes, as a ratio to its forward passes alone and to the naive flow, in the same run.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/sweep.py --wiseft ./wiseft --pretrained A.onnx --finetuned B.onnx --output features \
        --clouds FOLDER [--points 512] [--alphas 0:1:0.1] [--rounds 1]

FOLDER is a data set in ModelNet40's HDF5 layout. Three sides run in turn on the same two cores:

wiseft  `wiseft sweep` into a new folder: merge, corrupt, extract, fit, score, and all files
bare    the same models, merged beforehand, in Python's onnxruntime over the same clouds, written by
        `wiseft corrupt`, in batches that lie in memory: nothing but forward passes is timed. Half of the
        models run before wiseft and half after, so that a machine that slows down affects both
naive   for every alpha: mix in numpy, save, load in Python's onnxruntime, extract the training data, fit
        scikit-learn's logistic regression twice (on four fifths, which are validated on the rest, and on all), and
        corrupt the test clouds in numpy for every cell

Needs numpy, h5py, onnx, scikit-learn, and the onnxruntime that wiseft uses (see wiseft doctor).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "2"

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnx.numpy_helper  # noqa: E402
import onnxruntime  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import data as numpy_suite  # noqa: E402

def scaled_sizes(points, plain=numpy_suite.sizes):
    """The suite's counts are for 1,024 points; wiseft scales them, and so does numpy's side here."""
    return lambda level: [k * points // 1024 for k in plain(level)]


SUITE = [numpy_suite.scale, numpy_suite.jitter, numpy_suite.rotate, numpy_suite.dropout_global,
         numpy_suite.dropout_local, numpy_suite.add_global, numpy_suite.add_local]


def read(folder, split, points):
    x, y = [], []
    for name in open(os.path.join(folder, split + "_files.txt")).read().split():
        with h5py.File(os.path.join(folder, os.path.basename(name))) as f:
            x.append(f["data"][:, :points])
            y.append(f["label"][:].ravel())
    return np.concatenate(x).astype(np.float32), np.concatenate(y).astype(np.int64)


def corrupted(x, f, level):
    np.random.seed(0)
    return [f(cloud, level).astype(np.float32) for cloud in x]


def batches(clouds, size):
    """Batches of at most size clouds of one shape, in the layout (batch, 3, points)."""
    out, i = [], 0
    while i < len(clouds):
        j = i
        while j < len(clouds) and j < i + size and clouds[j].shape == clouds[i].shape:
            j += 1
        out.append(np.ascontiguousarray(np.stack(clouds[i:j]).transpose(0, 2, 1)))
        i = j
    return out


def session(path, output):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    s = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda b: s.run([output], {s.get_inputs()[0].name: b})[0]


def alphas(text):
    first, last, step = map(float, text.split(":"))
    return [round(first + i * step, 6) for i in range(int((last - first) / step + 1.5))]


def ours(args, folder):
    command = [args.wiseft, "sweep", args.pretrained, args.finetuned, "--alphas", args.alphas, "--train", args.clouds,
               "--test", args.clouds, "--points", str(args.points), "--output", args.output, "--threads", "2", "--batch", str(args.batch),
               "-o", os.path.join(folder, "run"), "--json", "-q"]
    start = time.time()
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "GOMAXPROCS": "2"}, check=True).stdout)
    seconds = time.time() - start
    again = time.time()
    rerun = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert rerun["n_cached"] == rerun["n_units"] == report["n_units"]
    return seconds, time.time() - again


def bare(args, folder, values, train):
    """The time of the forward passes for some alphas."""
    models = []
    for i, a in enumerate(values):
        path = os.path.join(folder, f"{i}.onnx")
        subprocess.run([args.wiseft, "merge", args.pretrained, args.finetuned, "--alpha", str(a), "-o", path, "--force", "-q"],
                       stdout=subprocess.DEVNULL, check=True)
        models.append(path)
    made = os.path.join(folder, "corrupted")
    if not os.path.exists(made):
        subprocess.run([args.wiseft, "corrupt", args.clouds, "--split", "test", "--suite", "modelnet-c", "--points", str(args.points),
                        "-o", made, "-q"], stdout=subprocess.DEVNULL, check=True)
    cells = [batches(list(train), args.batch)]
    for name in sorted(os.listdir(made)):
        if name.endswith(".h5"):
            with h5py.File(os.path.join(made, name)) as f:
                cells.append(batches(list(f["data"][:].astype(np.float32)), args.batch))
    assert len(cells) == 37
    seconds = 0.0
    for path in models:
        run = session(path, args.output)
        run(cells[0][0])  # warm
        start = time.perf_counter()
        for cell in cells:
            for b in cell:
                run(b)
        seconds += time.perf_counter() - start
    return seconds


def extract(run, clouds, size):
    return np.concatenate([run(b).reshape(len(b), -1) for b in batches(clouds, size)])


def naive(args, folder, train, y, test, y_test):
    start = time.time()
    path = os.path.join(folder, "naive.onnx")
    held = np.random.default_rng(0).permutation(len(y)) < len(y) // 5
    for a in alphas(args.alphas):
        base, model = onnx.load(args.pretrained), onnx.load(args.finetuned)
        weights = {t.name: onnx.numpy_helper.to_array(t) for t in base.graph.initializer}
        for t in model.graph.initializer:
            w = onnx.numpy_helper.to_array(t)
            if w.dtype == np.float32 and t.name in weights and weights[t.name].shape == w.shape:
                t.CopyFrom(onnx.numpy_helper.from_array(((1 - a) * weights[t.name] + a * w).astype(np.float32), t.name))
        onnx.save(model, path)
        run = session(path, args.output)
        x = extract(run, list(train), args.naive_batch)
        LogisticRegression(C=1.0, max_iter=1000).fit(x[~held], y[~held]).score(x[held], y[held])
        probe = LogisticRegression(C=1.0, max_iter=1000).fit(x, y)
        probe.score(extract(run, list(test), args.naive_batch), y_test)
        for f in SUITE:
            for level in range(1, 6):
                probe.score(extract(run, corrupted(test, f, level), args.naive_batch), y_test)
    return time.time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("wiseft", "pretrained", "finetuned", "clouds", "output"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--points", type=int, default=512)
    parser.add_argument("--alphas", default="0:1:0.1")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8, help="of wiseft and bare")
    parser.add_argument("--naive-batch", type=int, default=32)
    parser.add_argument("--no-naive", action="store_true")
    args = parser.parse_args()
    numpy_suite.sizes = scaled_sizes(args.points)
    train, y = read(args.clouds, "train", args.points)
    test, y_test = read(args.clouds, "test", args.points)
    values = alphas(args.alphas)
    n = len(values)
    print(f"{n} alphas x 36 cells of {len(test)} clouds, {len(train)} training clouds, {args.points} points; "
          f"onnxruntime {onnxruntime.__version__}; load {os.getloadavg()[0]:.1f}", flush=True)
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            passes = bare(args, folder, values[: n // 2], train)
            seconds, rerun = ours(args, folder)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"wiseft {seconds:7.1f} s   peak {peak:5.0f} MiB   again, nothing changed: {rerun:.2f} s", flush=True)
            passes += bare(args, folder, values[n // 2 :], train)
            print(f"bare   {passes:7.1f} s   wiseft takes {seconds / passes:5.2f} x (bar 1.1)   load {os.getloadavg()[0]:.1f}", flush=True)
            if not args.no_naive:
                other = naive(args, folder, train, y, test, y_test)
                print(f"naive  {other:7.1f} s   {other / seconds:5.2f} x wiseft (bar 2)", flush=True)


if __name__ == "__main__":
    main()
