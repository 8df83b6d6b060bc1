"""Gives exports of many networks the weights of fine-tuned checkpoints with `wiseft weights apply`, and compares them with
fresh exports of these in onnxruntime; then takes the weights out again with `wiseft weights export`.

    python scripts/checkpoint/check.py --wiseft PROGRAM [--groups corpus own cloud transformers export] [--ways …] [--only NAME…]

Networks are those of scripts/corpus (requirements-wide.txt there) and scripts/export. Each has three states: `random`, in which no
layer is as it was initialised, `fresh`, as the constructor makes it, with zeros, ones and equal layers, and, if it is named, `head`, in which
the last layer of the fine-tuned one has other classes; where that is no head, all ways are to be refused. For networks of scripts/export the way `trace` is that of its exporter. A line per case:
`ok`, `refused` with the number of tensors, or `WRONG`. The last line has the counts; any WRONG is exit code 1.
"""

import argparse
import collections
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback
import warnings

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "corpus"), str(HERE.parent / "export")]

import wide_nets  # noqa: E402
import wide_ways  # noqa: E402

WAYS = ["ts17", "ts17keep", "dyn", "dynopt", "ts17-slim", "ts17-fp16", "ts17keep-hash"]
TOLERANCE = 1e-5  # of the largest output: both models run the same operators with weights that differ in rounding alone
HALF = 2e-3  # with float16 weights: folds are rounded to other neighbours


def nets(groups, only):
    found = {}
    if "corpus" in groups:
        import nets as corpus

        for name, net in corpus.NETS.items():
            found[name] = (net.make, lambda net=net: net.inputs(2), corpus, name)
    for group in groups:
        if group in ("own", "cloud", "transformers", "torchvision", "timm"):
            wide_nets.NETS.clear()
            getattr(wide_nets, group + "_nets")()
            for name, net in wide_nets.NETS.items():
                found[name] = (lambda net=net: net.make(5), lambda net=net: net.inputs(2, 1), None, name)
    if "export" in groups:
        found |= export_nets()
    return {k: v for k, v in found.items() if not only or k in only}


def export_nets():
    from architectures import ARCHITECTURES, build

    def cloud():
        x = torch.randn(2, 1024, 3, generator=torch.Generator().manual_seed(0))
        return (x / x.norm(dim=2).amax(1)[:, None, None],)

    return {f"export_{name}": (lambda name=name, cls=cls: build(name, next(iter(cls.CONFIGS))), cloud, None, name)
            for name, cls in ARCHITECTURES.items()}


def noise(t, generator, scale):
    return torch.randn(t.shape, generator=generator) * scale


@torch.no_grad()
def states(make, how, seed):
    """The base and the tuned module."""
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed)
    base, tuned = make().eval(), make().eval()
    if how != "fresh":
        for name, t in floats(base):
            if name.endswith("running_var"):
                t.copy_(torch.exp(noise(t, g, 0.3)))
            else:
                t.add_(noise(t, g, 0.1 * max(float(t.std()) if t.numel() > 1 else 0, 0.1)))
    tuned.load_state_dict(base.state_dict())
    if how == "head":
        replace_head(tuned)
    for name, t in floats(tuned):
        if name.endswith("running_var"):
            t.mul_(torch.exp(noise(t, g, 0.1)))
        else:
            t.add_(noise(t, g, 0.05 * max(float(t.std()) if t.numel() > 1 else 0, 0.1)))
    return base, tuned


def replace_head(module):
    """Gives the last linear layer or convolution three classes more."""
    name, last = [(n, m) for n, m in module.named_modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d))][-1]
    parent = module.get_submodule(name.rpartition(".")[0])
    bias = last.bias is not None
    if isinstance(last, torch.nn.Linear):
        new = torch.nn.Linear(last.in_features, last.out_features + 3, bias)
    else:
        new = type(last)(last.in_channels, last.out_channels + 3, last.kernel_size, last.stride, last.padding, bias=bias)
    setattr(parent, name.rpartition(".")[2], new.eval())


def floats(module):
    state = module.state_dict(keep_vars=True)
    seen = set()
    for name, t in state.items():
        if t.is_floating_point() and t.data_ptr() not in seen:  # tied parameters once
            seen.add(t.data_ptr())
            yield name, t.data


def export(module, way, inputs, seed):
    first, *rest = way.split("-")
    if first == "trace":  # as scripts/export does
        import onnxgraph

        model = onnxgraph.trace(module, inputs[0], module.output_names(), onnxgraph.CLOUDS)
        return wide_ways.applied(model, rest, seed)
    return wide_ways.applied(wide_ways.torch_export(first, module, inputs), rest, seed)


def outputs(path, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {}
    for i, x in zip(session.get_inputs(), inputs):
        x = x.numpy()
        feed[i.name] = x.astype(np.float16) if i.type == "tensor(float16)" else x
    return session.run(None, feed)


def distance(a, b):
    worst = 0.0
    for x, y in zip(a, b):
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if x.shape != y.shape:
            return float("inf")
        d = np.abs(x - y).max() / (np.abs(y).max() or 1)
        worst = max(worst, d if np.isfinite(d) else float("inf"))
    return worst


def wiseft(program, *words):
    done = subprocess.run([program, *map(str, words), "--json"], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def case(program, folder, base, tuned, way, inputs):
    """One way of exporting: the verdict and what is to be said."""
    try:
        a, b = export(base, way, inputs, 1), export(tuned, way, inputs, 1)
    except Exception as e:
        return "no export", f"{type(e).__name__}: {str(e).strip().splitlines()[:1]}"
    for name, model in (("a", a), ("b", b)):
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    code, r = wiseft(program, "weights", "apply", folder / "a.onnx", "--from", folder / "a.safetensors",
                     "--to", folder / "b.safetensors", "-o", folder / "c.onnx", "--force")
    if code == 4:
        return "refused", f"{len(r['refused'])}: " + "; ".join(
            f"{x['initializer']} ({x['reason'][:60]}; {len(x['candidates'])})" for x in r["refused"][:4])
    if code != 0:
        return "WRONG", f"exit {code}: {r}"
    want = outputs(folder / "b.onnx", inputs)
    d = distance(outputs(folder / "c.onnx", inputs), want)
    moved = distance(outputs(folder / "a.onnx", inputs), want)
    said = f"distance {d:.1e} (base {moved:.1e}), {len(r['mapped'])} mapped, {len(r['kept'])} kept"
    if not d <= (HALF if "fp16" in way else TOLERANCE):
        return "WRONG", said
    return "ok", said + back(program, folder, tuned, "fp16" in way)


def back(program, folder, tuned, half):
    code, r = wiseft(program, "weights", "export", folder / "c.onnx", "--like", folder / "a.safetensors",
                     "--base", folder / "a.onnx", "-o", folder / "d.safetensors", "--force")
    if code != 0:
        return f"; export: exit {code}"
    got, want = load_file(folder / "d.safetensors"), tuned.state_dict()
    tuned_copy = {k: v.clone() for k, v in want.items()}
    tuned.load_state_dict(got, strict=True)
    tuned.load_state_dict(tuned_copy)
    parts = " ".join(r["notes"])  # of these the model has some rows
    differ = [k for k, v in want.items() if v.is_floating_point() and k not in r["copied"] and f"a part of {k} " not in parts
              and not torch.equal(got[k], v.half().float() if half else v)]
    copied = [k for k in r["copied"] if want[k].is_floating_point()]
    if differ:
        return f"; EXPORT WRONG: {differ[:3]}"
    return f"; export ok, {len(copied)} floats copied"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--wiseft", required=True)
    p.add_argument("--groups", nargs="+", default=["corpus", "own", "cloud"])
    p.add_argument("--ways", nargs="+", default=WAYS)
    p.add_argument("--states", nargs="+", default=["random", "fresh"])
    p.add_argument("--only", nargs="+", default=[])
    args = p.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    counts, architectures = collections.Counter(), set()
    for name, (make, inputs, _, _) in nets(args.groups, args.only).items():
        for how in args.states:
            with tempfile.TemporaryDirectory() as temporary:
                folder, start = pathlib.Path(temporary), time.time()
                try:
                    base, tuned = states(make, how, 1)
                    for side, module in (("a", base), ("b", tuned)):
                        save_file({k: v.clone().contiguous() for k, v in module.state_dict().items()},
                                  folder / f"{side}.safetensors")
                except Exception:
                    traceback.print_exc()
                    continue
                for way in args.ways:
                    try:
                        verdict, said = case(args.wiseft, folder, base, tuned, way, inputs())
                    except Exception as e:
                        verdict, said = "error", f"{type(e).__name__}: {str(e)[:200]}"
                    if "EXPORT WRONG" in said:
                        verdict = "WRONG"
                    counts[verdict] += 1
                    architectures.add(name)
                    print(f"{verdict:9} {name} {how} {way}: {said}", flush=True)
                print(f"# {name} {how}: {time.time() - start:.0f} s", flush=True)
    print(f"{len(architectures)} architectures: {dict(counts)}")
    return 1 if counts["WRONG"] or counts["error"] else 0


if __name__ == "__main__":
    sys.exit(main())
