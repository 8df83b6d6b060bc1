"""Runs the models that packages bring along through wiseft, and compares with onnxruntime in Python.

    go build -o wiseft ./cmd/wiseft
    python scripts/realmodels/run.py --wiseft ./wiseft [--before OLDER_WISEFT] [--cache FOLDER] [--only PART_OF_A_PATH]

Every tensor that a model gives is a case: `wiseft features` with data that is made by the declared inputs, and with the flags
that errors name, against onnxruntime on the same batches, pooled by NumPy. The table is written to results.md; the exit
code is 1 if a tensor differs.
"""

import argparse
import collections
import copy
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

import feeds
import fetch
import table

LIMIT, LIMIT_HALF = 1e-6, 1e-3  # of the largest value: float32's and float16's roundings


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session, feed, batch):
    """The outputs by name, of passes with so many samples: lists with an array a pass."""
    outputs = collections.defaultdict(list)
    for first in range(0, feeds.SAMPLES, batch):
        for output, value in zip(session.get_outputs(), session.run(None, feed.arrays(first, batch))):
            outputs[output.name].append(value)
    return outputs


def feasible(session, path):
    """A feed that the model takes, with the first length of its free axes that fits; some take one sample at a time."""
    error = None
    for batch in (None, 1):
        for length in feeds.LENGTHS:
            feed = feeds.Feed(session, path, length)
            feed.batch = batch or feed.batch
            try:
                return feed, run(session, feed, feed.batch)
            except Exception as e:  # of onnxruntime, which has no class for it
                error = error or e
    raise error


def joined(output, passes, feed):
    """The passes as one array with a row a sample. The batch is the axis that has its name, or else the first one; a pass
    of one sample whose tensor has no batch axis is the sample's."""
    declared = feeds.dims(output.shape)
    names = {feed.shapes[name][0][1] for name in feed.samples} - {None}
    axis = next((k for k, (_, name) in enumerate(declared) if name in names), 0)
    if feed.batch == 1 and (not declared or passes[0].shape[axis] != 1):
        passes, axis = [p[None] for p in passes], 0
    return np.concatenate([np.moveaxis(p, axis, 0) for p in passes])[: feeds.SAMPLES]


def pooled(x, meta):
    """The rows as features are."""
    x = np.asarray(x, np.float64)
    pool = meta.get("pool")
    if pool and pool.get("mode") == "mean":
        axis = pool["feature_axis"]
        x = x.mean(tuple(k for k in range(1, x.ndim) if k != axis))
    return x.reshape(len(x), -1)


def describe(error):
    text = error.strip().splitlines()
    return text[0] if text else "?"


def features(binary, folder, model, output, flags):
    """Runs wiseft features; returns its features with their meta, or its message."""
    out = os.path.join(folder, "features.npz")
    command = [binary, "features", model, "--data", os.path.join(folder, "data.npz"), "--output", output, "--force", "-o", out, "-q"]
    done = subprocess.run(command + flags, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr or done.stdout
    with np.load(out) as z:
        return (z["x"], json.loads(z["meta"].item())), ""


def constants(folder, feed):
    flags = []
    for name, value in feed.constants.items():
        if isinstance(value, np.ndarray):
            path = os.path.join(folder, "constant_" + "".join(c if c.isalnum() else "_" for c in name) + ".npy")
            np.save(path, value)
            value = path
        flags += ["--constant", f"{name}={value}"]
    return flags


ASKED = {"--pool mean": ["--pool", "mean"], "--trust-batch": ["--trust-batch"], "--batch 1": ["--batch", "1"]}


def measured(binary, folder, path, output, feed):
    """Features, with the flags that errors ask for. Returns them, the message of a refusal, and the flags."""
    flags, extra = constants(folder, feed), []
    if feed.batch == 1:
        extra = ["--batch", "1"]
    while True:
        got, error = features(binary, folder, path, output.name, flags + extra)
        if got is not None:
            return got, "", extra
        more = next((flag for text, flag in ASKED.items() if text in error and flag[0] not in extra), None)
        if more is None:
            return None, error, extra
        extra = extra + more


def case(binary, folder, path, session, output, feed):
    """What wiseft makes of a tensor: a word, the difference from onnxruntime relative to the largest value, what is wrong, and
    the flags."""
    if not binary:
        return "", None, "", []
    got, error, extra = measured(binary, folder, path, output, feed)
    if got is None:
        return "refused", None, describe(error), extra
    if not output.type.startswith("tensor("):
        return "WRONG", None, f"{output.name} is no tensor", extra
    alone = copy.copy(feed)
    alone.batch = 1 if "--batch" in extra else feed.batch
    expected = pooled(joined(output, run(session, alone, alone.batch)[output.name], alone), got[1])
    if got[0].shape != expected.shape:
        return "WRONG", None, f"{output.name}: {got[0].shape}, not {expected.shape}", extra
    apart = np.abs(got[0] - expected).max() / max(np.abs(expected).max(), 1e-30) if expected.size else 0
    limit = LIMIT_HALF if "float16" in output.type else LIMIT
    return "equal" if apart <= limit else "WRONG", float(apart), "", extra


def shapes(session):
    return ", ".join(f"{i.name} {i.type[7:-1]}[{' '.join('?' if n is None else str(n) for n, _ in feeds.dims(i.shape))}]"
                     for i in session.get_inputs())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wiseft", required=True)
    parser.add_argument("--before")
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/wiseft-realmodels"))
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    found, again = fetch.models(args.cache)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for package, name, path in found:
            if args.only not in path:
                continue
            rows.append(model(args, folder, package, name, path))
            print(json.dumps(rows[-1]), flush=True)
    wrong = table.write(os.path.join(fetch.HERE, "results.md") if not args.only else os.devnull, rows, again)
    sys.exit(wrong)


def model(args, folder, package, name, path):
    row = {"package": package, "model": name}
    row["inspect"] = subprocess.run([args.wiseft, "inspect", path, "--json"], capture_output=True).returncode
    try:
        session = open_session(path)
        row["inputs"] = shapes(session)
        feed, _ = feasible(session, path)
    except Exception as e:
        return {**row, "error": describe(str(e))}
    np.savez(os.path.join(folder, "data.npz"), **feed.samples)
    row["outputs"] = [(o.name, o.type, case(args.before, folder, path, session, o, feed), case(args.wiseft, folder, path, session, o, feed))
                      for o in session.get_outputs()]
    return row


if __name__ == "__main__":
    main()
