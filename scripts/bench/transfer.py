"""An independent check of one mix on a transfer set: numpy mixes, onnxruntime runs, scikit-learn classifies.

    wiseft sweep A.onnx B.onnx --alphas 0,0.5,1 --norm-statistics linear ... --transfer t=TRAIN.npz,TEST.npz -o RUN
    python scripts/bench/transfer.py A.onnx B.onnx 0.5 TRAIN.npz TEST.npz RUN/result.json t

Needs numpy, onnx, onnxruntime and scikit-learn. Both models must have the same tensor names, as two exports of one script
have, and clouds of the shape of the data files, or of that with points behind axes. It compares the counts of right
answers of the linear SVMs of all conventions, of the five nearest neighbours and of the logistic probe with those of the
run, prints both, and fails if a count differs.
"""

import argparse
import json
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC


def mixed(pretrained, finetuned, alpha):
    """The fine-tuned model with every float tensor that both have mixed in float64 and rounded once."""
    a, b = onnx.load(pretrained), onnx.load(finetuned)
    first = {t.name: numpy_helper.to_array(t) for t in a.graph.initializer}
    for t in b.graph.initializer:
        x, y = first.get(t.name), numpy_helper.to_array(t)
        if x is None or x.shape != y.shape or y.dtype != np.float32:
            continue
        z = ((1 - alpha) * x.astype(np.float64) + alpha * y.astype(np.float64)).astype(np.float32)
        t.CopyFrom(numpy_helper.from_array(z, t.name))
    return b.SerializeToString()


def features(model, tensor, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    if given.shape[1] == 3:
        x = x.transpose(0, 2, 1)
    out = [session.run([tensor], {given.name: np.ascontiguousarray(x[i:i + 8])})[0] for i in range(0, len(x), 8)]
    return np.concatenate(out).reshape(len(x), -1)


def classifiers():
    yield "svm", "point-m2ae", SVC(kernel="linear", C=0.012)
    yield "svm", "recon", LinearSVC(C=0.075, tol=1e-8, max_iter=1_000_000, dual=True)
    yield "svm", "point-mae", LinearSVC(C=1.0, tol=1e-8, max_iter=1_000_000, dual=True)
    yield "knn", "5", KNeighborsClassifier(5)
    yield "probe", "logistic", LogisticRegression(C=1.0, tol=1e-6, max_iter=100_000)


def main():
    p = argparse.ArgumentParser()
    for name in ("pretrained", "finetuned", "alpha", "train", "test", "result", "set"):
        p.add_argument(name)
    o = p.parse_args()
    with open(o.result) as f:
        result = json.load(f)
    alpha = float(o.alpha)
    model = next(m for m in result["models"] if m["alpha"] == alpha and not m.get("repaired") and not m.get("statistics"))
    onnx_bytes = mixed(o.pretrained, o.finetuned, alpha)
    train, test = (np.load(path) for path in (o.train, o.test))
    tensor = result["settings"]["tensor"]
    a, b = features(onnx_bytes, tensor, train["x"]), features(onnx_bytes, tensor, test["x"])
    wrong = 0
    for protocol, task, classifier in classifiers():
        figure = model["transfer"][o.set].get(protocol, {}).get(task)
        if figure is None:
            continue
        right = int((classifier.fit(a.astype(np.float64), train["y"]).predict(b.astype(np.float64)) == test["y"]).sum())
        ours = round(figure["accuracy"] * figure["n"])
        wrong += right != ours
        print(f"{protocol} {task}: {right} of {figure['n']}, the run has {ours}")
    if wrong:
        sys.exit(f"{wrong} counts differ")


if __name__ == "__main__":
    main()
