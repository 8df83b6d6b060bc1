"""Writes stream.json beside it: draws of numpy's legacy stream, with the versions of scripts/vectors/requirements.txt."""

import hashlib
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[5] / "scripts/vectors"))
import family
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def bits(x):
    return np.asarray(x, np.float64).view(np.uint64).tolist()


def draws(seed):
    r = np.random.RandomState(seed)
    out = {
        "Words": r.randint(0, 2**32, size=700, dtype=np.uint32).tolist(),
        "Doubles": bits(r.random_sample(50)),
        "Normals": bits(r.standard_normal(501)),
        "Below": {str(n): r.randint(0, n, size=40).tolist() for n in (1, 7, 1024, 2**32, 2**32 + 1, 2**40 + 5)},
        "Permutation": r.permutation(100).tolist(),
        "Mixed": bits(np.concatenate([r.standard_normal(3), r.random_sample(2), r.standard_normal(3)])),
        "Hash": hashlib.sha256(r.random_sample(100_000).astype("<f8").tobytes()).hexdigest(),
    }
    out["Pos"] = int(r.get_state()[2])
    return out


if __name__ == "__main__":
    family.check_versions("numpy")
    with open(os.path.join(HERE, "stream.json"), "w") as f:
        json.dump({"NumPy": np.__version__, "Seeds": {str(s): draws(s) for s in (0, 1, 2021, 2**32 - 1)}}, f)
        f.write("\n")
