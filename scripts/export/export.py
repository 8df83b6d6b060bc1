"""Turns a PyTorch checkpoint of a point-cloud backbone into an ONNX model for wiseft.

    python scripts/export/export.py point-mae --config scanobjectnn --checkpoint X.pth -o X.onnx
    python scripts/export/export.py generic mymodels:make --checkpoint X.pth --points 1024 -o X.onnx
    python scripts/export/export.py generic mymodels:sentences -o X.onnx

The model takes points (batch, points, 3), or the inputs that a generic model names, and gives `features`, what the head consumes, and `logits`
where the checkpoint has a head. README.md beside this file has the whole way for each architecture.
"""

import argparse
import importlib
import os
import pathlib
import sys
import tempfile

import torch

import checkpoint as ckpt
import onnxgraph

HERE = pathlib.Path(__file__).resolve().parent
AGREE = 1e-3  # of the largest value: far above rounding and what a changed neighbour does, far below a wrong constant


class UsageError(Exception):
    """What is wrong with the command line."""


def arguments(argv):
    p = argparse.ArgumentParser(prog="export.py", description=__doc__.splitlines()[0])
    p.add_argument("architecture", help="one of the architectures of --list, or generic")
    p.add_argument("factory", nargs="?", help="generic: module:function, which returns a torch.nn.Module")
    p.add_argument("--list", action="version", version=listing(), help="show architectures and configurations")
    p.add_argument("--config", help="the configuration, such as scanobjectnn")
    p.add_argument("--checkpoint", help="the .pth file; generic: not needed if the factory loads one")
    p.add_argument("-o", dest="out", required=True, help="the ONNX file")
    p.add_argument("--pool", help='the features\' parts joined by "+": cls, clsmax, max, max1, mean, sum')
    p.add_argument("--stage-norm", action="store_true", help="Point-M2AE, pre-trained: with encoder_norms.2")
    p.add_argument("--no-head", action="store_true", help="leave the head out")
    p.add_argument("--points", type=int, help="generic: points in a cloud")
    p.add_argument("--dynamic-points", action="store_true", help="generic: the model takes any number of points")
    p.add_argument("--allow-missing", action="store_true", help="go on without some tensors")
    p.add_argument("--allow-unexpected", action="store_true", help="leave out tensors that have no place")
    p.add_argument("--trust-checkpoint", action="store_true", help="let the file run code while it is read")
    p.add_argument("--force", action="store_true", help="replace an existing output")
    return p.parse_args(argv)


def listing():
    from architectures import ARCHITECTURES

    lines = [f"{name}: {', '.join(cls.CONFIGS)}" for name, cls in ARCHITECTURES.items()]
    return "\n".join([*lines, "generic module:function: your own"])


def one_of(what, name, names):
    if name not in names:
        raise UsageError(f"{what} {name!r} is not known; there are {', '.join(names)}")
    return name


def pool_changes(cls, args):
    """The constructor's argument for --pool, and whether a head of the configuration still fits."""
    own = cls.CONFIGS[args.config].get("pool", "cls+max")
    if args.pool is None or args.pool == own:
        return {}, True
    parts = getattr(cls, "POOLS", ())
    if not parts:
        raise UsageError(f"--pool: {args.architecture} has one feature")
    for part in args.pool.split("+"):
        one_of("--pool: part", part, parts)
    return {"pool": args.pool}, False


def known(args, say):
    """A model of one of our architectures with the checkpoint's weights."""
    from architectures import ARCHITECTURES

    cls = ARCHITECTURES[one_of("architecture", args.architecture, [*ARCHITECTURES, "generic"])]
    one_of("--config", args.config, list(cls.CONFIGS))
    if args.factory:
        raise UsageError(f"unexpected argument {args.factory!r}")
    if not args.checkpoint:
        raise UsageError("no checkpoint is named; name it with --checkpoint")
    changes, head_fits = pool_changes(cls, args)
    if args.points or args.dynamic_points:
        raise UsageError("--points and --dynamic-points are for generic: these models take any number of points")
    found = ckpt.arrange(args.checkpoint, ckpt.read(args.checkpoint, args.trust_checkpoint), cls, args.stage_norm)
    if args.stage_norm:
        if args.architecture != "point-m2ae" or not found.pretrained:
            raise UsageError("--stage-norm is for pre-trained checkpoints of point-m2ae")
        changes["stage_norm"] = True
    if found.pretrained:
        changes["pretrained"] = True
        say(f"a pre-training checkpoint; {len(found.left_out)} tensors that only pre-training has are left out")
    if args.no_head or not head_fits:
        gone = ckpt.without(found, cls.HEAD)
        say(f"the head is left out: {len(gone)} tensors")
    model = cls(**(cls.CONFIGS[args.config] | changes | {"classes": ckpt.classes(found, cls)}))
    ckpt.load(model, found, args.allow_missing, args.allow_unexpected, say)
    return model, {"points": example(model.points)}, {"points": onnxgraph.CLOUDS}, model.output_names()


def generic(args, say):
    """The user's own module, from module:function below the current folder or installed."""
    module, colon, function = (args.factory or "").partition(":")
    if not colon:
        raise UsageError("generic needs module:function")
    for name, m in list(sys.modules.items()):  # a user's dgcnn.py is not ours
        if name != "__main__" and pathlib.Path(getattr(m, "__file__", None) or "/").parent == HERE:
            del sys.modules[name]
    sys.path[:] = [os.getcwd(), *(p for p in sys.path if pathlib.Path(p or ".").resolve() != HERE)]
    try:
        made = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as e:
        raise UsageError(f"{args.factory}: {e}") from None
    model, inputs, axes = own_inputs(made, args)
    if args.checkpoint:
        found = ckpt.Checkpoint(args.checkpoint, ckpt.read(args.checkpoint, args.trust_checkpoint))
        ckpt.load(model, found, args.allow_missing, args.allow_unexpected, say)
    with torch.no_grad():
        result = model.eval()(*inputs.values())
    if isinstance(result, torch.Tensor):
        return model, inputs, axes, ["features"]
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise UsageError(f"{args.factory}: the module gives {type(result).__name__} of {len(result)} outputs, "
                         "expected a tensor of features, or a pair of features and logits")
    return model, inputs, axes, ["features", "logits"]


def own_inputs(made, args):
    """The module of a factory, examples of its inputs, and their dynamic axes: clouds, or what the factory returns."""
    model, inputs, axes = made if isinstance(made, tuple) and len(made) == 3 else (made, None, None)
    if not isinstance(model, torch.nn.Module):
        raise UsageError(f"{args.factory}: returned {type(model).__name__}, expected a torch.nn.Module, or one with a "
                         "dictionary of example inputs and one of their dynamic axes")
    if inputs is None:
        if not args.points:
            raise UsageError("generic needs --points for a module of clouds; a factory of others returns examples of the "
                             "inputs and their dynamic axes, too")
        return model, {"points": example(args.points)}, {"points": onnxgraph.CLOUDS if args.dynamic_points else {0: "batch"}}
    if args.points or args.dynamic_points:
        raise UsageError(f"{args.factory}: --points and --dynamic-points are for modules of clouds")
    if not all(isinstance(x, torch.Tensor) for x in inputs.values()) or not set(axes) <= set(inputs):
        raise UsageError(f"{args.factory}: expected tensors by the names of the inputs, and dynamic axes of these names")
    return model, inputs, axes


def shape(x, axes):
    """The shape of an input, with the names of dynamic axes."""
    return "(" + ", ".join(str(axes.get(axis, n)) for axis, n in enumerate(x.shape)) + ")"


def smaller(inputs, axes):
    """The inputs with three quarters along each dynamic axis, the batch too: lengths may have become constants."""
    for name in inputs:
        for axis in axes.get(name, {}):
            x = inputs[name]
            inputs = inputs | {name: x.narrow(axis, 0, max(1, x.shape[axis] * 3 // 4))}
    return inputs


def example(points):
    """Two clouds in the unit sphere, the same each time."""
    x = torch.randn(2, points, 3, generator=torch.Generator().manual_seed(0))
    return x / x.norm(dim=2).amax(1)[:, None, None]


def check(model, proto, inputs, names):
    """Compares the graph with the module: the exporter may have made a constant of a value that depends on the input."""
    with torch.no_grad():
        want = model(*inputs.values())
    got = onnxgraph.run(proto, *(x.numpy() for x in inputs.values()))
    for name, w in zip(names, (want,) if isinstance(want, torch.Tensor) else want):
        difference = abs(got[name] - w.numpy()).max()
        if not difference <= AGREE * w.abs().max():
            raise UsageError(f'onnxruntime gives other {name} than PyTorch, by up to {difference:.2g}: '
                             "the module does something that a trace does not see")


def write(proto, path):
    """Writes a temporary file and renames it when it is complete."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".export-")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(proto.SerializeToString())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def export(argv, say=lambda line: print(line, file=sys.stderr)):
    args = arguments(argv)
    if os.path.exists(args.out) and not args.force:
        raise UsageError(f"{args.out}: exists; replace it with --force")
    torch.manual_seed(0)  # what is missing, and allowed to be, is the same each time
    model, inputs, axes, names = (generic if args.architecture == "generic" else known)(args, say)
    proto = onnxgraph.trace(model, inputs, names, axes)
    check(model, proto, inputs, names)
    check(model, proto, smaller(inputs, axes), names)
    write(proto, args.out)
    taken = ", ".join(f"{name} {shape(x, axes.get(name, {}))}" for name, x in inputs.items())
    say(f"{args.out}: {taken} to {', '.join(names)}; "
        f"{len(proto.graph.initializer)} weights")


def main():
    try:
        export(sys.argv[1:])
    except (UsageError, ckpt.CheckpointError, ValueError, OSError) as e:
        sys.exit(f"export.py: {e}")


if __name__ == "__main__":
    main()
