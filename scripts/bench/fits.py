"""Fits of probes, wiseft against scikit-learn and PyTorch, until equally close to the optimum.

    go build -o wiseft ./cmd/wiseft
    python scripts/bench/fits.py --wiseft ./wiseft [--solver logistic] [--quick] [--rounds 3] [--case NAME]
        [--features FILE.npz ...] [--kernel avx2] [--threads 1] [--other ./wiseft-before] [--json OUT.json]

Needs numpy and scikit-learn, for --solver mlp PyTorch. The data sets are made by fits_cases.py, from seeds; --features adds
files of wiseft features. Every fit is a process; in each round all take turns, with --threads each, and the
best of all rounds counts. A fit of ours ends when it has converged with the loosest --tol of 1e-2, 5e-3, 3e-3, 2e-3, 1e-3, ... that gets
within 1e-6 of the optimum, theirs at the first evaluation within 1e-6 (logistic) or with the loosest tolerance that gets
there. The optimum is ours with --tol 1e-6. One of theirs that does not get there in --limit processor seconds has a ">". mlp runs equal epochs; knn
is the classification of the training rows.

Columns: seconds of wall time and of the processor, iterations (evaluations), and peak memory beyond what the process had with the data loaded (ours:
all of the process). The last two are ratios to the best of theirs, by wall time and by processor time; where other
work runs on the machine the second counts. --other is a second program of ours, measured in the same turns. --kernel
avx2 keeps both sides from using AVX-512.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile




import numpy as np

import fits_cases

METHODS = {
    "logistic": ["lbfgs float32", "lbfgs float64", "newton-cg float32"],
    "svc-ovr": ["dual float64", "primal float64"],
    "svc-ovo": ["libsvm float64"],
    "ridge": ["cholesky float64", "svd float64", "auto float32"],
    "knn": ["brute float32", "brute float64"],
    "mlp": ["torch float32"],
}
SIZES = {  # n, d, k: full, quick
    "logistic": [(10000, 768, 40), (2000, 192, 20)],
    "svc-ovr": [(10000, 768, 40), (2000, 192, 20)],
    "svc-ovo": [(4000, 256, 10), (1000, 96, 6)],
    "ridge": [(10000, 768, 40), (2000, 192, 20)],
    "knn": [(10000, 768, 40), (2000, 192, 20)],
    "mlp": [(10000, 768, 40), (2000, 192, 20)],
}
EPOCHS = 5  # of mlp
TOLS = [1e-2, 5e-3, 3e-3, 2e-3, 1e-3, 3e-4, 1e-4, 1e-5]  # of ours


def measured(command):
    """Runs a command; returns its output, its processor time and its peak memory in MiB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            sys.exit(f"{command}: {err.read().decode()[-2000:]}")
        return out.read().decode(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ours(program, features, solver, c, tol, folder):
    out = os.path.join(folder, "p.npz")
    command = [program, "probe", "fit", features, "-o", out, "--force", "--json", "--solver", solver, "--C", str(c)]
    command += ["--epochs", str(EPOCHS)] if solver == "mlp" else ["--tol", str(tol)]
    text, processor, mebibytes = measured(command)
    r = json.loads(text)
    return {"seconds": r["seconds"], "processor": processor, "iterations": r.get("iterations", 0), "mebibytes": mebibytes,
            "objective": r["objective"], "reached": r["converged"]}


def theirs(method, features, solver, c, goal, args):
    job = {"features": features, "solver": solver, "method": method, "C": c, "goal": goal, "limit": args.limit,
           "epochs": EPOCHS, "threads": args.threads}
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fits_theirs.py")
    return json.loads(measured([sys.executable, script, json.dumps(job)])[0])


def turns(args, features, c, folder):
    """The best of all rounds, by name."""
    programs = {"wiseft": args.wiseft} | ({"other": args.other} if args.other else {})
    optimum = ours(args.wiseft, features, args.solver, c, 1e-6, folder)["objective"]
    goal = optimum * (1 + 1e-6)
    best, skipped, tols = {}, set(), dict.fromkeys(programs, 0)
    for _ in range(args.rounds):
        for name in list(programs) + METHODS[args.solver]:
            if name in skipped:
                continue
            if name in programs:
                r = ours(programs[name], features, args.solver, c, TOLS[tols[name]], folder)
                while args.solver not in ("mlp", "knn") and not r["objective"] <= goal:
                    tols[name] += 1
                    if tols[name] == len(TOLS):
                        sys.exit(f"{name} ends at {r['objective']}, the optimum is {optimum}")
                    r = ours(programs[name], features, args.solver, c, TOLS[tols[name]], folder)
            else:
                r = theirs(name, features, args.solver, c, goal, args)
                if not r["reached"]:
                    skipped.add(name)  # it would take the limit again
            b = best.setdefault(name, r)
            for key in ("seconds", "processor", "mebibytes"):
                b[key] = min(b[key], r[key])
    return best


def theirs_least(others):
    """The best of theirs, in each measure; without one that gets to the optimum, the longest that did not, and ">"."""
    reached = [r for r in others if r["reached"]]
    choose = min if reached else max
    return {k: choose(r[k] for r in reached or others) for k in ("seconds", "processor")}, "" if reached else ">"


def show(case, best):
    others = [r for name, r in best.items() if name not in ("wiseft", "other")]
    bound, more = theirs_least(others)
    for name, r in best.items():
        ratios = ""
        if name in ("wiseft", "other"):
            r["ratio"] = bound["seconds"] / r["seconds"]
            r["processor_ratio"] = bound["processor"] / r["processor"]
            ratios = f"{more}{r['ratio']:8.2f} {more}{r['processor_ratio']:8.2f}"
        mark = " " if r["reached"] else ">"
        print(f"{case if name == 'wiseft' else '':56s} {name:18s} {mark}{r['seconds']:8.3f} {r['processor']:8.3f} "
              f"{r['iterations']:6d} {r['mebibytes']:7.0f} {ratios}", flush=True)


def versions():
    found = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "numpy": np.__version__}
    for name in ("sklearn", "torch"):
        try:
            found[name] = __import__(name).__version__
        except ImportError:
            pass
    with open("/proc/cpuinfo") as f:
        found["machine"] = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), found["machine"])
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--other")
    parser.add_argument("--solver", default="logistic", choices=METHODS)
    parser.add_argument("--case", default="", help="only data sets whose names contain this")
    parser.add_argument("--features", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true", help="small data sets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=30, help="processor seconds of a fit of theirs")
    parser.add_argument("--threads", type=int, default=2, help="1 where other work runs: theirs spin at barriers")
    parser.add_argument("--kernel", choices=["avx2"])
    parser.add_argument("--json")
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GOMAXPROCS"):
        os.environ[name] = str(args.threads)
    if args.kernel:
        os.environ["GODEBUG"], os.environ["OPENBLAS_CORETYPE"] = "cpu.avx512f=off", "Haswell"
        os.environ["ATEN_CPU_CAPABILITY"], os.environ["ONEDNN_MAX_CPU_ISA"] = "avx2", "AVX2"
        os.environ["MKL_ENABLE_INSTRUCTIONS"] = "AVX2"
    rows, found = [], versions()
    print(found, args.solver, args.kernel or "widest kernels")
    print(f"{'':56s} {'':18s} {'seconds':>9s} {'proc.':>8s} {'iter.':>6s} {'MiB':>7s} {'ratio':>8s} {'by proc.':>8s}")
    sets = [make for path in args.features for make in fits_cases.real(path)]
    for make in sets + list(fits_cases.cases(*SIZES[args.solver][args.quick])):
        name, x, y, c = make()
        if args.case not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            features = os.path.join(folder, "f.npz")
            np.savez(features, x=x, y=y)
            best = turns(args, features, c, folder)
        show(name, best)
        rows.append({"case": name, "fits": best})
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"versions": found, "solver": args.solver, "kernel": args.kernel, "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
