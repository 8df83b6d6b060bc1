"""Writes onnxmerge/method/testdata/<method>.json: inputs and outputs of each merge method, computed by numpy.

    python scripts/vectors/merge.py [METHOD...]     (from the repository's root; all methods if none is named)

Each method is a module methods/<method>.py with a function cases(). It needs the versions of requirements.txt. Numbers are
the bits of float64 in hexadecimal, so that no digit is lost. The formulas are those of the papers, on whole arrays; the Go
code works on blocks and on scalar products. "ulp" is how far results may be apart, in units of the last place of the largest
number: 0 where the order of operations is the same.
"""

import json
import sys

import family


def render(module, sha):
    import numpy as np

    doc = {"made_by": {"script_sha256": sha, "numpy": np.__version__}, "cases": module.cases()}
    return json.dumps(doc, separators=(",", ":")).replace('{"params"', '\n{"params"') + "\n"


if __name__ == "__main__":
    family.check_versions("numpy")
    family.write_all("methods", "onnxmerge/method/testdata", render, sys.argv[1:])
