"""Prints what the demo shows: a linear probe and its robustness for each alpha.

    python evaluate.py --data DIR [--split val|test] [--models DIR]
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from sklearn.linear_model import LogisticRegression

import corrupt
import data

ALPHAS = [i / 10 for i in range(11)]


def merge(pretrained, finetuned, alpha):
    """theta = (1 - alpha) * pretrained + alpha * finetuned, by name; the rest is finetuned's."""
    before = {t.name: numpy_helper.to_array(t) for t in pretrained.graph.initializer}
    merged = onnx.ModelProto()
    merged.CopyFrom(finetuned)
    for t in merged.graph.initializer:
        if t.name in before and t.data_type == onnx.TensorProto.FLOAT:
            mixed = (1 - alpha) * before[t.name].astype(np.float64) + alpha * numpy_helper.to_array(t)
            t.CopyFrom(numpy_helper.from_array(mixed.astype(np.float32), t.name))
    return merged


class Session:
    def __init__(self, model, threads=2):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.run = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"]).run

    def features(self, x, batch=64):
        parts = [self.run(["features"], {"points": x[i : i + batch]})[0] for i in range(0, len(x), batch)]
        return np.concatenate(parts)


def judge(model, train, test, corrupted, C=1.0):
    """Returns the clean accuracy, and the accuracy for each (corruption, level)."""
    session = Session(model)
    probe = LogisticRegression(C=C, max_iter=2000).fit(session.features(train[0]), train[1])
    clean = probe.score(session.features(test[0]), test[1])
    return clean, {key: probe.score(session.features(x), test[1]) for key, x in corrupted.items()}


def table(pretrained, finetuned, train, test, alphas=ALPHAS, seed=0):
    """Prints and returns, for each alpha, the clean accuracy and mOA, the mean over corruptions."""
    names = [f.__name__ for f in corrupt.ALL]
    corrupted = {(n, l): corrupt.corrupt(test[0], n, l, seed) for n in names for l in range(5)}
    print("alpha  clean   mOA  | " + "  ".join(f"{n[:4] + n[-5:]:>9}" for n in names))
    rows = []
    for alpha in alphas:
        clean, cells = judge(merge(pretrained, finetuned, alpha), train, test, corrupted)
        by_name = [np.mean([cells[n, l] for l in range(5)]) for n in names]
        rows.append((alpha, clean, np.mean(by_name)))
        print(f"{alpha:5.1f}  {clean:.3f}  {rows[-1][2]:.3f}  | " + "  ".join(f"{v:9.3f}" for v in by_name), flush=True)
    return rows


def arrays(folder, split):
    x, y, _ = data.load(folder, f"scan_{split}")
    return x.numpy(), y.numpy()


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--models", default=here.parents[1] / "cmd/wiseft/demo", type=pathlib.Path)
    args = parser.parse_args()
    models = [onnx.load(args.models / f"{name}.onnx") for name in ("pretrained", "finetuned")]
    table(*models, arrays(args.data, "train"), arrays(args.data, args.split))


if __name__ == "__main__":
    main()
