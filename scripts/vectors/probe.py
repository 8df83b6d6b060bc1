"""Writes probe/fit/testdata/<solver>.json: small data sets and each solver's optimum on them, found in float64.

    python scripts/vectors/probe.py [SOLVER...]     (from the repository's root; all solvers if none is named)

Each solver is a module solvers/<solver>.py with a function cases(). It needs the versions of requirements.txt. Numbers
are hex floats, so that no digit is lost. The objectives are scikit-learn's. knn has no weights: its "w" holds the scores
of the training rows. mlp has many optima and no vectors.
"""

import json
import sys

import family

TARGET = "probe/fit/testdata"


def render(module, sha):
    import numpy as np

    doc = {"script_sha256": sha, "numpy": np.__version__, "cases": module.cases()}
    return json.dumps(doc, indent=1) + "\n"


if __name__ == "__main__":
    family.check_versions("numpy")
    family.write_all("solvers", TARGET, render, sys.argv[1:])
