"""Writes order.json beside it: how numpy sorts and partitions float32 numbers of which many are equal.

Run as: python order.py. It needs the versions of scripts/vectors/requirements.txt. numpy from 1.25 on has other sorts for
processors with AVX2 and AVX-512, which are disabled.
"""

import json
import os
import pathlib
import sys

os.environ["NPY_DISABLE_CPU_FEATURES"] = (
    "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR AVX2"  # read when numpy is imported
)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts/vectors"))
import family
import numpy as np

if __name__ == "__main__":
    family.check_versions("numpy")
    r = np.random.RandomState(7)
    out = []
    for n, levels in [(1, 1), (2, 2), (15, 4), (16, 4), (17, 4), (18, 1), (60, 5), (200, 9), (600, 40), (600, 2000), (924, 3)]:
        v = (r.randint(levels, size=n) / 4).astype(np.float32)
        ks = [k for k in (0, 2, 3, 10, 30, 100, n - 1) if k < n]
        parts = [np.argpartition(v, k).tolist() for k in ks]
        out.append({"Values": v.tolist(), "Argsort": np.argsort(v).tolist(), "K": ks, "Parts": parts})
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "order.json"), "w") as f:
        json.dump(out, f)
        f.write("\n")
