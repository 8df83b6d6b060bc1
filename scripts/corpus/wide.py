"""The wide corpus: pairs of ONNX exports of one network, made from packages' architectures with random weights, and a
proof of each merge by running it.

    python scripts/corpus/wide.py make --pairs 200 --seed 1 PAIRS      (requirements-wide.txt)
    python scripts/corpus/wide.py judge --wiseft PROGRAM --failures FOLDER PAIRS

wide_keras.py and wide_paddle.py make pairs from other tools, each with its requirements file.

A pair is a pre-trained state A and a fine-tuned state B, each exported in its own way. A pair's folder has A.onnx,
B.onnx, io.npz with inputs and the outputs that are right, expected.onnx with the tensors that are right, and meta.json.
Right are the outputs of the framework's model with the mixed state. Where exporters fold (BatchNormalization, scales)
they are those of the mix of what B's exporter makes of both states, since a merge mixes what the files hold.
"""

import argparse
import collections
import json
import logging
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time
import warnings

import numpy as np
import onnx
import onnxruntime

import wide_ways as ways

ALPHA = 0.5
TOLERANCE = 2e-3  # of the largest output; deep networks of float32 in several orders of operations differ by 1e-4
FOLDED = ["ts17", "ts17-ort1"]
HALF = 3e-2  # where B runs in float16


def run(data, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    wanted = session.get_inputs()
    given = dict(inputs)
    feed = {w.name: given.get(w.name, inputs[i][1]) for i, w in enumerate(wanted)}
    return session.run(None, feed)[0]


def distance(a, b, samples=False):
    """The largest difference relative to the largest value; with samples, the median over samples of that."""
    if a.shape != b.shape:
        return float("inf")
    a, b = a.astype(np.float64), b.astype(np.float64)
    scale = np.abs(b).max() or 1
    d = np.abs(a - b).reshape(len(a), -1).max(1) / scale
    d = float(np.median(d) if samples else d.max())
    return d if np.isfinite(d) else float("inf")


# --- making pairs


def sample_way(rng, light):
    steps = [
        rng.choice(
            ["ts11", "ts13", "ts17", "ts17", "ts20", "ts17nofold", "ts13keep", "ts17keep"]
            + ([] if light else ["dyn", "dynopt"] * 2)
        )
    ]
    if rng.random() < 0.4:
        steps.append(rng.choice(ways.OPTIMISERS[:4] + ways.OPTIMISERS[:4] + ways.OPTIMISERS[4:]))
    r = rng.random()
    if r < 0.45:
        steps.append(rng.choice(["hash", "hash", "prefix", "suffix", "shuffle"]))
    if rng.random() < 0.06 and "ort" not in steps[-1]:
        steps.append("fp16")
    if rng.random() < 0.06:
        steps.append("ext")
    return "-".join(steps)


def make_pair(name, net, change, way_a, way_b, seed, folder):
    import torch

    import wide_changes as changes

    torch.manual_seed(seed)
    classes = 5
    a = net.make(classes).eval()
    changes.at_random(a, net, seed)
    changes.before(a, change, seed)
    b = net.make(classes).eval()
    b.load_state_dict(a.state_dict())
    changes.tuned(b, change, seed)
    exported = a
    if change == "head" and net.head:
        exported = net.make(7).eval()
        state = exported.state_dict()
        own = {k: v for k, v in a.state_dict().items() if state[k].shape == v.shape}
        exported.load_state_dict(own, strict=False)
        for k, v in state.items():
            if k not in own:  # the head in A is lost in the truth
                a.state_dict()[k].copy_(b.state_dict()[k])
    mix = net.make(classes).eval()
    sa, sb = a.state_dict(), b.state_dict()
    half_a = "fp16" in way_a.split("-")
    with torch.no_grad():
        for k, v in mix.state_dict().items():
            x = sa[k].half().float() if half_a and sa[k].is_floating_point() else sa[k]
            v.copy_((0.5 * x.double() + 0.5 * sb[k].double()).to(v.dtype) if v.is_floating_point() else sb[k])

    def file(module, way, side):
        first, *rest = way.split("-")
        model = ways.torch_export(first, module, net.inputs(2, 1))
        return ways.applied(model, rest, side)

    inputs = net.inputs(2, 3)
    fa, fb = file(exported, way_a, 1), file(b, way_b, 2)
    named = [(f"input{i}", x.numpy()) for i, x in enumerate(inputs)]
    named_b = [(w.name, x) for w, (_, x) in zip(fb.graph.input, named)]
    with torch.no_grad():
        want_a, want_b, want = (m(*inputs).numpy() for m in (exported, b, mix))
    loose = HALF if "fp16" in way_b.split("-") or half_a else TOLERANCE
    named_a = [(w.name, x) for w, (_, x) in zip(fa.graph.input, named)]
    for side, f, feed, w in (("A", fa, named_a, want_a), ("B", fb, named_b, want_b)):
        if (d := distance(run(f.SerializeToString(), feed), w, net.samples)) > loose:
            raise ValueError(f"the exporter's fault: {side} computes other outputs than the framework, by {d:.2g}")
    accepted = {"state": want}
    fa_b = file(a, way_b, 2)
    expected = ways.mixed(fa_b, fb)
    if expected is None:  # exporters join equal tensors
        changes.distinct(a)
        expected = ways.mixed(file(a, way_b, 2), fb)
    if expected is not None:
        accepted["files"] = run(expected.SerializeToString(), named_b)
    elif (fm := file(mix, way_b, 2)) is not None and ways.structure(fm) == ways.structure(fb):
        expected = fm
    for way in FOLDED:  # a merge of a folded model and one that is not folded mixes folded weights
        try:
            folded = ways.mixed(file(a, way, 2), file(b, way, 2))
            if folded is None:
                changes.distinct(a)
                folded = ways.mixed(file(a, way, 2), file(b, way, 2))
            if folded is not None:
                accepted[way] = run(folded.SerializeToString(), named)
        except Exception:
            pass
    folder.mkdir(parents=True, exist_ok=True)
    ways.save(fa, folder / "A.onnx", "ext" in way_a.split("-"))
    ways.save(fb, folder / "B.onnx", "ext" in way_b.split("-"))
    if expected is not None:
        ways.save(expected, folder / "expected.onnx", False)
    np.savez(
        folder / "io.npz",
        **{"in:" + k: v for k, v in named_b},
        **{"out:" + k: v for k, v in accepted.items()},
        B=want_b,
        A=fa_b is not None and run(fa_b.SerializeToString(), named_b),
    )
    meta = {
        "architecture": name,
        "a": way_a,
        "b": way_b,
        "change": change,
        "seed": seed,
        "tolerance": loose,
        "samples": net.samples,
        "inputs": [k for k, _ in named_b],
        "head": change == "head" and net.head,
        "framework": "torch",
    }
    (folder / "meta.json").write_text(json.dumps(meta))


def make(args):
    import torch
    import transformers

    import wide_changes as changes
    import wide_nets

    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    nets = wide_nets.load(args.groups.split(","))
    if args.only:
        nets = {k: v for k, v in nets.items() if re.search(args.only, k)}
    rng = random.Random(args.seed)
    names = list(nets)
    jobs = []
    for i in range(args.pairs):
        name = names[i % len(names)]
        change = changes.CHANGES[(i + i // len(names) * 3) % len(changes.CHANGES)]
        if change == "head" and not nets[name].head:
            change = "noise.1"
        light = nets[name].samples
        if args.same:
            way = args.same if args.same != "any" else sample_way(rng, light)
            jobs.append((name, change, way, way, rng.randrange(1 << 30)))
        else:
            jobs.append((name, change, sample_way(rng, light), sample_way(rng, light), rng.randrange(1 << 30)))
    failed = []
    for i, (name, change, way_a, way_b, seed) in enumerate(jobs):
        if i % args.shards != args.shard:
            continue
        if any(args.folder.glob(f"{args.seed:03}-{i:04}-*/meta.json")):
            continue
        again = random.Random(seed)
        for attempt in range(4):
            if attempt and not args.same:  # not every exporter can do every architecture
                way_a, way_b = (
                    sample_way(again, attempt == 3).replace("ts11", "ts17").replace("ts13", "ts17") for _ in "ab"
                )
            folder = args.folder / f"{args.seed:03}-{i:04}-{name}-{change}--{way_a}--{way_b}"
            start = time.time()
            try:
                make_pair(name, nets[name], change, way_a, way_b, seed, folder)
                print(f"{folder.name} {time.time() - start:.1f} s", flush=True)
                break
            except Exception as e:
                shutil.rmtree(folder, ignore_errors=True)
                line = next(iter(l for l in str(e).splitlines() if l.strip()), "")
                print(f"FAILED {folder.name}: {type(e).__name__}: {line[:200]}", flush=True)
                if args.same:
                    break
        else:
            failed.append(folder.name)
    print(f"{len(failed)} of {len(jobs)} pairs could not be made")


# --- judging


def call(wiseft, *args):
    p = subprocess.run([wiseft, *map(str, args)], capture_output=True, text=True)
    try:
        document = json.loads(p.stdout)
    except ValueError:
        document = {"error": p.stdout[-500:] + p.stderr[-500:]}
    return p.returncode, document


def named_as_kept(document):
    """The tensors that the document names as not merged: by name the list of them, and those of the head."""
    kept = {name: where for where, names in (document.get("kept") or {}).items() for name in names}
    return kept, set(document.get("head") or [])


def judge_pair(folder, wiseft, scratch, flags=()):
    meta = json.loads((folder / "meta.json").read_text())
    io = np.load(folder / "io.npz")
    inputs = [(k, io["in:" + k]) for k in meta["inputs"]]
    out = scratch / "out.onnx"
    code, document = call(
        wiseft, "merge", folder / "A.onnx", folder / "B.onnx", "--alpha", ALPHA, "-o", out, "--json", "--force", *flags
    )
    r = {"pair": folder.name, **meta, "code": code, "warnings": document.get("warnings", []), "document": document}
    if code:
        r["verdict"] = "refused" if code == 4 else f"exit {code}"
        r["reason"] = document.get("error", "")
        return r
    tolerance = meta["tolerance"]
    try:
        got = run(str(out), inputs)
        errors = {k[4:]: distance(got, io[k], meta["samples"]) for k in io.files if k.startswith("out:")}
    except Exception as e:
        return r | {"verdict": "wrong", "reason": f"onnxruntime: {str(e)[:300]}"}
    r["error"], r["unmerged"] = min(errors.values()), max(
        distance(io["B"], io[k], meta["samples"]) for k in io.files if k.startswith("out:")
    )
    r["errors"] = errors
    right = r["error"] <= max(min(tolerance, 0.1 * r["unmerged"]), 1e-4 if tolerance < 0.01 else 1e-2)
    r["wrong_tensors"] = wrong_tensors(folder, out)
    backbone, head = named_as_kept(document)
    r["kept"] = len(document["kept"]["backbone"])
    if not right and meta["framework"] == "keras" and "out:files" not in io.files:
        return r | {"verdict": "truth unknown"}  # the exporter folds, and its files of two states cannot be compared
    off = r["wrong_tensors"] = without_unused(r["wrong_tensors"], folder, wiseft) if right else r["wrong_tensors"]
    if right and (flags or "ort99" in meta["a"] + meta["b"]):  # folded models have free scales, blocked ones padding
        off = r["wrong_tensors"] = []
    elif flags:
        off = r["wrong_tensors"] = wrong_folded(folder, out)
        right = right or off == []  # all folded tensors are the mix of folded ones
    if right and not off:
        r["verdict"] = "right"
    elif flags and off is None and meta["framework"] != "torch" and not backbone:
        r["verdict"] = "truth unknown"
    elif not off and any("attributes differ" in w for w in r["warnings"]):
        r["verdict"], r["reason"] = "partial named", "numbers in attributes"
    elif off is None:
        r["verdict"] = "partial named" if backbone else "wrong"
        r["reason"] = f"kept: {sorted(backbone)[:5]}"
    elif any(not w["is_b"] for w in off) or not off:
        r["verdict"] = "wrong"
    elif flags and backbone:
        r["verdict"] = "partial named"
    elif silent := [w["tensor"] for w in off if w["tensor"] not in backbone and w["tensor"] not in head]:
        r["verdict"] = "partial silent"
        r["reason"] = f"not named: {silent[:5]}"
    elif behind := [w["tensor"] for w in off if w["tensor"] in head]:
        r["verdict"] = "kept as head"
        r["reason"] = f"called the head: {len(behind)} weights: {behind[:5]}"
    else:
        r["verdict"] = "partial named"
        for w in off:
            w["used_by"] += f" ({backbone[w['tensor']]})"
        r["reason"] = f"kept: {[w['tensor'] for w in off][:5]}"
    return r


def merged_tensors(folder, wiseft, off, flags):
    """How many float tensors merge, and the names of those that should and do not: refused ones, and kept ones that are
    not right (off), or where that is unknown, that are named as the backbone's."""
    _, plan = call(wiseft, "merge", folder / "A.onnx", folder / "B.onnx", "--plan", "--json", *flags)
    floats = [t for t in plan.get("plan", []) if "float" in t["dtype"]]
    merged = [t["tensor"] for t in floats if t["action"] == "merge"]
    missing = [t["tensor"] for t in floats if t["action"] == "refuse"]
    if not plan.get("ok"):  # a refused merge writes nothing
        merged, missing = [], merged + missing or [t["tensor"] for t in floats if t["shape"]]
    if off is None:
        missing += named_as_kept({"kept": {"backbone": (plan.get("kept") or {}).get("backbone", [])}})[0]
    else:
        missing += [w["tensor"] for w in off if w["is_b"]]
    return {"merged": len(merged), "missing": sorted(set(missing))}


def without_unused(off, folder, wiseft):
    """The tensors of the list without those of which only elements that no operator uses are kept, as the plan says."""
    if not off:
        return off
    _, plan = call(wiseft, "merge", folder / "A.onnx", folder / "B.onnx", "--plan", "--json")
    kept = {t["tensor"] for t in plan.get("plan", []) if "elements that no operator uses" in t.get("reason", "")}
    return [w for w in off if w["tensor"] not in kept]


def wrong_tensors(folder, out):
    """What differs from the expected tensors, by position; None if that is unknown."""
    if not (folder / "expected.onnx").exists():
        return None
    want, got = (ways.float_tensors(onnx.load(str(p))) for p in (folder / "expected.onnx", out))
    b = ways.float_tensors(onnx.load(str(folder / "B.onnx")))
    found = compared(want, got, b)
    used = users(onnx.load(str(folder / "B.onnx")))
    for w in found or []:
        w["used_by"] = used(w["tensor"])
    return found


def compared(want, got, b):
    if len(want) != len(got):
        return None
    found = []
    for (name, w), (_, g), (_, vb) in zip(want, got, b):
        w, g, vb = (x.astype(np.float64) for x in (w, g, vb))
        finite = np.isfinite(w)
        scale = np.abs(w[finite]).max() if finite.any() else 0
        if w.shape != g.shape or (finite & ~np.isclose(g, w, rtol=2e-3, atol=1e-3 * scale + 1e-6)).any():
            found.append(
                {
                    "tensor": name,
                    "shape": list(w.shape),
                    "is_b": bool(np.array_equal(g, vb)),
                    "got": [float(f"{v:.5g}") for v in g.ravel()[:3]],
                    "right": [float(f"{v:.5g}") for v in w.ravel()[:3]],
                }
            )
    return found


def wrong_folded(folder, out):
    """As wrong_tensors, after onnxruntime's basic optimiser has folded what it can in all files."""
    if not (folder / "expected.onnx").exists():
        return None
    try:
        b, e, g = (onnx.load(str(p)) for p in (folder / "B.onnx", folder / "expected.onnx", out))
        a = ways.mixed(b, e, 2)  # what B's exporter makes of A
        fa, fb, fg = (ways.applied(m, ["ort1"], 0) for m in (a, b, g))
        fe = ways.mixed(fa, fb)
        return compared(*(ways.float_tensors(m) for m in (fe, fg, fb))) if fe else None
    except Exception:
        return None


def cause(r):
    """The reason without names and numbers, for grouping."""
    if r["verdict"] == "refused" or r["verdict"].startswith("exit"):
        lines = [l.strip() for l in r.get("reason", "").splitlines()]
        text = lines[1] if len(lines) > 1 else lines[0] if lines else ""
        text = text.partition(": export both models")[0]
        text = re.sub(r"onnx::(Conv|MatMul|Add|Mul)_\d+", "…", re.sub(r"/\S+/", "", text))
        text = re.sub(r'"[^"]*"', '"…"', text)
        text = re.sub(r"\[[^\]]*\]", "[…]", text)
        return re.sub(r"[\d.]+", "#", re.sub(r"\([^)]*\)", "(…)", text))[:160]
    off = r.get("wrong_tensors")
    if not off:
        return (r.get("reason") or "outputs differ")[:100]
    ops = collections.Counter(w.get("used_by", "") for w in off if w["is_b"] or r["verdict"] == "wrong")
    return ("kept: used by " if all(w["is_b"] for w in off) else "mixed wrongly: used by ") + ", ".join(sorted(ops)[:4])


def users(model):
    """The operators that use a tensor, through those that only move elements, by the tensor's name."""
    found = collections.defaultdict(set)
    graph = model.graph
    by = collections.defaultdict(list)
    for n in graph.node:
        for x in n.input:
            by[x].append(n)
    moving = {
        "Identity",
        "Transpose",
        "Reshape",
        "Unsqueeze",
        "Squeeze",
        "Expand",
        "Slice",
        "Cast",
        "Flatten",
        "Split",
        "Concat",
        "Shape",
    }

    def walk(name, depth):
        ops = set()
        for n in by[name]:
            if n.op_type in moving and depth < 6:
                for y in n.output:
                    ops |= {f"{n.op_type}.{o}" for o in walk(y, depth + 1)} if n.op_type != "Shape" else set()
            else:
                ops.add(n.op_type)
        return ops

    return lambda name: "+".join(sorted(walk(name, 0))[:3])


def combination(r):
    """The two exporters and optimisers without opset and forms."""

    def short(way):
        steps = way.split("-")
        first = re.sub(r"^ts\d+", "ts", steps[0])
        return "-".join([first] + [s for s in steps[1:] if s in ways.OPTIMISERS + ["fp16"]])

    return f"{short(r['a'])} > {short(r['b'])}"


def judge(args):
    folders = sorted(p.parent for f in args.folders for p in f.glob("*/meta.json"))
    if args.only:
        folders = [f for f in folders if re.search(args.only, f.name)]
    scratch = pathlib.Path(args.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    results = []
    for f in folders:
        r = judge_pair(f, args.wiseft, scratch)
        r["folder"] = str(f)
        flags, last = (), r
        if r["verdict"] == "refused" and args.fold:
            flags = (args.fold,)
            again = last = judge_pair(f, args.wiseft, scratch, flags)
            if again["verdict"] == "refused" and args.prove:
                flags = (args.fold, args.prove)
                again = last = judge_pair(f, args.wiseft, scratch, flags)
            r["folded"] = again["verdict"]
            r["fold"] = {
                k: again.get(k) for k in ("verdict", "reason", "error", "unmerged", "wrong_tensors", "warnings", "kept")
            }
        if not is_blocked(r):
            is_known = not flags and "ort99" not in r["a"] + r["b"]
            r["tensors"] = merged_tensors(f, args.wiseft, last.get("wrong_tensors") if is_known else None, flags)
        results.append(r)
    if args.results:
        args.results.write_text(
            json.dumps([{k: v for k, v in r.items() if k != "document"} for r in results], indent=1)
        )
    show(results)
    if args.failures:
        write_failures(results, args.failures)


def show(results):
    def table(title, key):
        rows = collections.defaultdict(collections.Counter)
        for r in results:
            rows[key(r)][outcome(r)] += 1
        columns = sorted({c for row in rows.values() for c in row})
        print(f"\n{title:40} " + " ".join(f"{c:>16}" for c in columns))
        for k in sorted(rows):
            print(f"{k:40} " + " ".join(f"{rows[k][c] or '':>16}" for c in columns))

    table("architecture", lambda r: r["architecture"])
    table("combination", combination)
    table("change", lambda r: r["change"])
    table("all", lambda r: "")
    show_merged(results)
    causes = collections.defaultdict(list)
    for r in results:
        if r["verdict"] != "right":
            causes[outcome(r), cause(r)].append(r)
    print("\ncauses")
    for (o, c), rs in sorted(causes.items(), key=lambda x: -len(x[1])):
        print(f"{len(rs):4} {o}: {c}\n        e.g. {rs[0]['pair']}")


def is_blocked(r):
    """Whether a model stores weights in the order of one machine: no valid pair."""
    return r["verdict"] == "refused" and "blocked order" in r["reason"]


def show_merged(results):
    """The share of the float tensors that merge, of all that should, by the pairs' folder; and the pairs below 97 %."""
    rows = collections.defaultdict(list)
    for r in results:
        if "tensors" in r:
            rows[pathlib.Path(r["folder"]).parent.name].append(r)
            rows["all"].append(r)
    print(f"\n{'tensors merged of valid pairs':40} {'pairs':>6} {'refused':>8} {'tensors':>8} {'of all':>8} {'of merges':>10}")
    for name, rs in sorted(rows.items(), key=lambda x: (x[0] == "all", x[0])):

        def percent(rs):
            n, off = (sum(f(r["tensors"]) for r in rs) for f in (lambda t: t["merged"], lambda t: len(t["missing"])))
            return f"{100 * n / max(1, n + off):.2f} %"

        made = [r for r in rs if r.get("folded", r["verdict"]) != "refused"]
        n = sum(r["tensors"]["merged"] + len(r["tensors"]["missing"]) for r in rs)
        print(f"{name:40} {len(rs):6} {len(rs) - len(made):8} {n:8} {percent(rs):>8} {percent(made):>10}")
    for r in rows["all"]:
        n, missing = r["tensors"]["merged"], r["tensors"]["missing"]
        if n < 0.97 * (n + len(missing)):
            print(f"  {r['pair']}: {n} of {n + len(missing)}, not {', '.join(missing[:4])}")


def outcome(r):
    return r["verdict"] + (f", fold {r['folded']}" if "folded" in r else "")


def write_failures(results, folder):
    """One folder a cause, with the smallest pair. Folders that an earlier call wrote are replaced."""
    for old in folder.glob("*/written-by-wide"):
        shutil.rmtree(old.parent)
    causes = collections.defaultdict(list)
    for r in results:
        if r["verdict"] == "right":
            continue
        if r.get("folded") in ("wrong", "partial silent", "partial named"):
            causes[f"fold {r['folded']}", cause({**r, **r["fold"]})].append(r)
        elif r.get("folded") != "right":
            causes[r["verdict"], cause(r)].append(r)
    for (verdict, c), rs in sorted(causes.items(), key=lambda x: -len(x[1])):

        def size(r):
            return sum(p.stat().st_size for p in pathlib.Path(r["folder"]).glob("[AB].onnx*"))

        r = min(rs, key=size)
        name = re.sub(r"[^a-z0-9]+", "-", f"{verdict} {c}".lower().replace("tensor", ""))[:90].strip("-")
        to = folder / name
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        for p in pathlib.Path(r["folder"]).iterdir():
            if p.name != "meta.json":
                shutil.copy(p, to / p.name)
        lines = [
            f"{len(rs)} pairs show this: {verdict}: {c}",
            f"smallest: {r['folder']}",
            f"architecture {r['architecture']}, A {r['a']}, B {r['b']}, change {r['change']}",
            f"outputs off by {r.get('error')} of the largest, B unmerged is off by {r.get('unmerged')}",
            "",
            "reason:",
            r.get("reason", ""),
            "",
            "warnings:",
            *r.get("warnings", []),
            "",
            "right: the mix of all tensors (expected.onnx has each at its place in B's file)",
            "",
        ]
        for w in (r.get("wrong_tensors") or [])[:20]:
            lines.append(
                f"{w['tensor']} {w['shape']}: {'kept' if w['is_b'] else 'mixed wrongly'}, begins {w['got']}, right {w['right']}"
            )
        if "fold" in r:
            lines += ["", f"with the fold flag: {json.dumps(r['fold'])[:3000]}"]
        lines += ["", "all pairs:", *[x["pair"] for x in rs]]
        (to / "written-by-wide").write_text("")
        (to / "what.txt").write_text("\n".join(map(str, lines)) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sub = parser.add_subparsers(required=True)
    p = sub.add_parser("make", help="makes pairs")
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--pairs", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--groups", default="torchvision,timm,transformers,audio,own")
    p.add_argument("--only", help="architectures whose name matches the expression")
    p.add_argument("--same", help="both sides in this way; any: in one sampled way")
    p.add_argument("--shard", type=int, default=0)
    p.add_argument("--shards", type=int, default=1)
    p.set_defaults(run=make)
    p = sub.add_parser("judge", help="merges pairs and runs the results")
    p.add_argument("folders", type=pathlib.Path, nargs="+")
    p.add_argument("--wiseft", default="wiseft")
    p.add_argument("--fold", default="--fold-bn", help="the flag to try after a refusal")
    p.add_argument("--prove", help="the flag to try beside it after another refusal")
    p.add_argument("--failures", type=pathlib.Path)
    p.add_argument("--results", type=pathlib.Path)
    p.add_argument("--only")
    p.add_argument("--scratch", default="/tmp/wide-scratch")
    p.set_defaults(run=judge)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    sys.exit(main())
