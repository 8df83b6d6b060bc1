"""Peak memory of a sweep against its number of alphas.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/memory.py --wiseft ./wiseft [--alphas 51 251]

The pair and the data are those of `wiseft demo`; 1,001 alphas take 3 to 6 minutes on two cores. Prints the peak resident
memory of each sweep and what it is of the first one's. Needs Python alone, and a Unix.
"""

import argparse
import os
import subprocess
import tempfile


def peak_mib(command):
    """Runs a command to its end and returns the largest resident size that it had."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command[0]} ended with status {status}")
    return usage.ru_maxrss / (2**20 if os.uname().sysname == "Darwin" else 2**10)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--alphas", type=int, nargs="+", default=[51, 251])
    args = parser.parse_args()
    if min(args.alphas) < 2:
        parser.error("--alphas must be at least 2")
    with tempfile.TemporaryDirectory() as folder:
        demo = os.path.join(folder, "demo")
        subprocess.run([args.wiseft, "demo", "-o", demo, "--alphas", "0,1", "--scans", "25", "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)
        inside = lambda name: os.path.join(demo, name)
        first = None
        for i, n in enumerate(args.alphas):
            peak = peak_mib([
                args.wiseft, "sweep", inside("pretrained.onnx"), inside("finetuned.onnx"),
                "--alphas", ",".join(str(k / (n - 1)) for k in range(n)), "--train", inside("val.npz"),
                "--test", inside("test.npz"), "--suite", "none", "--keep", "scores",
                "-o", os.path.join(folder, f"run-{i}"), "--quiet"])
            first = first or peak
            print(f"{n} alphas: peak {peak:.1f} MiB, {peak / first:.3f} of the first")


if __name__ == "__main__":
    main()
