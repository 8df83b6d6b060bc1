"""Writes onnxmerge/method/testdata/<method>.json: inputs and outputs of each merge method, computed by numpy.

Run from the repository's root: python scripts/vectors/merge.py   (numpy 1.26.4; see requirements.txt)
Numbers are the bits of float64 in hexadecimal, so that nothing is lost in print.
"""
import hashlib
import json
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def bits(x):
    return [f"{v:016x}" for v in np.asarray(x, np.float64).view(np.uint64)]


def special():
    return np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e-45, 1.5e308, -1.5e308, 0.1])


def linear():
    rng = np.random.default_rng(0)
    cases = []
    for n in [0, 1, 7, 8, 9, 64]:
        a, b = rng.standard_normal((2, n)).astype(np.float32).astype(np.float64)
        for alpha in [0.1, 0.25, 0.5, 0.9]:
            cases.append((alpha, a, b))
    for alpha in [0.3, 0.5]:
        a, b = np.meshgrid(special(), special())
        cases.append((alpha, a.ravel(), b.ravel()))
    with np.errstate(all="ignore"):
        return [{"params": {"alpha": alpha}, "models": [bits(a), bits(b)], "want": bits((1 - alpha) * a + alpha * b)}
                for alpha, a, b in cases]


def main():
    script = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    for method in [linear]:
        doc = {"made_by": {"script_sha256": script, "numpy": np.__version__}, "cases": method()}
        path = ROOT / "onnxmerge/method/testdata" / f"{method.__name__}.json"
        path.write_text(json.dumps(doc, separators=(",", ":")).replace('{"params"', '\n{"params"') + "\n")


if __name__ == "__main__":
    main()
