"""How fast data is read and corrupted, as a ratio to h5py and numpy in the same run.

Run as: python scripts/bench/data.py [--clouds FOLDER SPLIT] [--rounds 3]. FOLDER is a data set in ModelNet40's HDF5 layout, whose
first 1,024 points are tiled to 2,468 clouds; without it, clouds are random. Both sides run in turn, and the best of each
counts. Times are for reading and computing only: nothing is written. Needs numpy and h5py (requirements.txt) and Go.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

import h5py
import numpy as np

N, POINTS = 2468, 1024


def clouds(folder, split):
    if not folder:
        x = np.random.default_rng(0).normal(size=(256, POINTS, 3))
        x /= np.linalg.norm(x, axis=2).max(1)[:, None, None]
    else:
        names = open(os.path.join(folder, split + "_files.txt")).read().split()
        x = np.concatenate([h5py.File(os.path.join(folder, os.path.basename(n)))["data"][:, :POINTS] for n in names])
    return np.resize(x, (N, POINTS, 3)).astype(np.float32)


# ModelNet-C in numpy: the operations of its generator, its calls of numpy and their order.


def shuffled(x):
    return np.take_along_axis(x, np.random.rand(len(x), 1).argsort(axis=0), axis=0)


def sizes(level):
    k = np.random.randint(1, 8)
    bins = np.random.randint(k, size=100 * level)
    return [sum(bins == i) for i in range(k)]


def scale(x, level):
    s = 1.5 + 0.1 * level
    x = (x * np.random.uniform(1 / s, s, 3)).astype(np.float32)
    x = x - x.mean(0)
    return x / np.sqrt((x**2).sum(1)).max()


def jitter(x, level):
    return x + 0.01 * level * np.random.randn(*x.shape)


def rotate(x, level):
    (a, b, c), (d, e, f) = (g(np.random.uniform(-np.pi / 30 * level, np.pi / 30 * level, 3)) for g in (np.sin, np.cos))
    rx, ry = np.array([[1, 0, 0], [0, d, -a], [0, a, d]]), np.array([[e, 0, b], [0, 1, 0], [-b, 0, e]])
    return x @ (np.array([[f, -c, 0], [c, f, 0], [0, 0, 1]]) @ (ry @ rx))


def dropout_global(x, level):
    return shuffled(x)[: len(x) * (7 - level) // 8]


def dropout_local(x, level):
    for k in sizes(level):
        x = shuffled(x)
        far_first = np.sum((x - x[:1]) ** 2, axis=1, keepdims=True).argsort(axis=0)[::-1]
        x = np.take_along_axis(x, far_first, axis=0)[: len(x) - k]
    return x


def add_global(x, level):
    n = 10 * level
    r, t, p = np.random.rand(n) ** (1 / 3), np.arccos(np.random.uniform(-1, 1, n)), np.random.uniform(0, 2 * np.pi, n)
    return np.concatenate([x, np.stack([r * np.sin(t) * np.cos(p), r * np.sin(t) * np.sin(p), r * np.cos(t)], 1)])


def add_local(x, level):
    parts = [shuffled(x)]
    for i, k in enumerate(sizes(level)):
        new = (parts[0][i] + np.random.uniform(0.075, 0.125) * np.random.randn(k, 3)).astype(np.float32)
        parts.append(new / np.maximum(1, (new**2).sum(1, keepdims=True)))
    return np.concatenate(parts)


def corrupt(path):
    with h5py.File(path) as f:
        x = f["data"][:]
    for f in (scale, jitter, rotate, dropout_global, dropout_local, add_global, add_local):
        for level in range(1, 6):
            np.random.seed(0)
            for cloud in x:
                f(cloud, level)


def read_h5(path):
    with h5py.File(path) as f:
        assert np.isfinite(f["data"][:]).all()


def read_npz(path):
    assert np.isfinite(np.load(path)["x"]).all()


def fps(path):
    """The reference's loop, over the 2 clouds of 8,192 points in path."""
    for x in np.load(path)["x"]:
        distance, last, chosen = np.full(len(x), 1e10, np.float32), 0, []
        for _ in range(1024):
            chosen.append(last)
            d = ((x - x[last]) ** 2).sum(1)
            near = d < distance
            distance[near] = d[near]
            last = distance.argmax()


def ours(binary, *args):
    """Seconds and peak memory in MiB of one run on two cores."""
    env = dict(os.environ, GOMAXPROCS="2")
    out = json.loads(subprocess.run([binary, *args], stdout=subprocess.PIPE, env=env, check=True).stdout)
    return out["seconds"], out["peak_mib"]


def compare(what, theirs, binary, *args, rounds):
    best, best_ours, peak = np.inf, np.inf, 0
    for _ in range(rounds):
        start = time.perf_counter()
        theirs()
        best = min(best, time.perf_counter() - start)
        seconds, memory = ours(binary, *args)
        best_ours, peak = min(best_ours, seconds), max(peak, memory)
    print(f"{what:28} Python {best:7.3f} s   wiseft {best_ours:7.3f} s   {best / best_ours:6.1f} x   peak {peak:4.0f} MiB", flush=True)


def pcd_folder(path, x):
    for i in range(5000):
        cls = os.path.join(path, f"class{i % 10}", "test")
        os.makedirs(cls, exist_ok=True)
        header = (
            "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
            f"WIDTH {POINTS}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {POINTS}\nDATA binary\n"
        )
        with open(os.path.join(cls, f"{i:05d}.pcd"), "wb") as f:
            f.write(header.encode() + x[i % len(x)].tobytes())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clouds", nargs=2, default=[None, None], metavar=("FOLDER", "SPLIT"))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    x = clouds(*args.clouds)
    y = np.zeros(N, np.int64)
    with tempfile.TemporaryDirectory() as tmp:
        binary = os.path.join(tmp, "data")
        subprocess.run(["go", "build", "-o", binary, "./scripts/bench/data"], check=True)
        at = lambda name: os.path.join(tmp, name)
        for name, options in {"plain": {}, "gzip": {"compression": "gzip", "chunks": (64, POINTS, 3)}}.items():
            with h5py.File(at(name + ".h5"), "w") as f:
                f.create_dataset("data", data=x, **options)
                f["label"] = y
        np.savez(at("x.npz"), x=x, y=y)
        np.savez(at("big.npz"), x=np.random.default_rng(1).normal(size=(2, 8192, 3)).astype(np.float32), y=y[:2])
        pcd_folder(at("pcd"), x)
        rounds = args.rounds
        compare("read HDF5, contiguous", lambda: read_h5(at("plain.h5")), binary, "read", at("plain.h5"), "", rounds=rounds)
        compare("read HDF5, gzip", lambda: read_h5(at("gzip.h5")), binary, "read", at("gzip.h5"), "", rounds=rounds)
        compare("read NPZ", lambda: read_npz(at("x.npz")), binary, "read", at("x.npz"), "", rounds=rounds)
        compare("farthest points, 2 clouds", lambda: fps(at("big.npz")), binary, "fps", at("big.npz"), "", "1024", rounds=rounds)
        pcd = [ours(binary, "read", at("pcd"), "test") for _ in range(rounds)]
        print(f"{'read 5,000 PCD files':28} wiseft {min(pcd)[0]:7.3f} s   peak {max(p[1] for p in pcd):4.0f} MiB", flush=True)
        compare("modelnet-c, keyed", lambda: corrupt(at("plain.h5")), binary, "corrupt", at("plain.h5"), "", rounds=1)
        stream = ours(binary, "stream", at("plain.h5"), "")
        print(f"{'modelnet-c, numpy stream':28} wiseft {stream[0]:7.3f} s   peak {stream[1]:4.0f} MiB")


if __name__ == "__main__":
    main()
