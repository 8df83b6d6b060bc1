"""Reads checkpoints as the references' training code writes them, and compares them with a model."""

import pickle
from dataclasses import dataclass, field

import numpy as np
import torch

WRAPPINGS = ("base_model", "model_state_dict", "state_dict", "model", "net")


class CheckpointError(Exception):
    """What is wrong with a checkpoint, in one line that names it."""


@dataclass
class Checkpoint:
    path: str
    tensors: dict  # by the names of the fine-tuned network
    pretrained: bool = False
    left_out: list = field(default_factory=list)  # names that only pre-training has


def read(path, trust=False):
    """The tensors of a .pth or .t7 file by name, from its outer dictionary, without the prefix "module.".

    A pickle can run code, so only tensors and plain values are read, unless the file is trusted.
    """
    try:
        with torch.serialization.safe_globals(_plain_numpy()):
            content = torch.load(path, map_location="cpu", weights_only=not trust)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except pickle.UnpicklingError as e:
        raise CheckpointError(
            f"{path}: holds more than tensors ({_first_line(e)}); if you trust whoever made it, add --trust-checkpoint"
        ) from None
    except Exception as e:  # torch.load raises what its parts raise
        raise CheckpointError(f"{path}: not a PyTorch checkpoint: {_first_line(e)}") from None
    for key in WRAPPINGS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    tensors = content if isinstance(content, dict) else {}
    tensors = {k.replace("module.", ""): t.detach() for k, t in tensors.items() if isinstance(t, torch.Tensor)}
    if not tensors:
        raise CheckpointError(f"{path}: no dictionary of tensors in it; expected one, by itself or under "
                              + " or ".join(WRAPPINGS))
    return {k.removeprefix("base_model."): t for k, t in tensors.items()}


def _plain_numpy():
    """Numbers of NumPy, such as the accuracies that PointNet's training keeps beside the weights."""
    kinds = [np.float32, np.float64, np.int64]
    return [np.core.multiarray.scalar, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]


def _first_line(e):
    return (str(e).strip() or type(e).__name__).splitlines()[0]


def arrange(path, tensors, cls, stage_norm=False):
    """Renames tensors as fine-tuning names them, and leaves out those of pre-training alone."""
    pretraining = [name for name in tensors if _starts(name, cls.PRETRAINING)]
    prefixed = bool(cls.PREFIX) and any(name.startswith(cls.PREFIX) for name in tensors)
    out = Checkpoint(path, {}, bool(pretraining) or prefixed)
    for name, t in tensors.items():
        if stage_norm and name.startswith("h_encoder.encoder_norms.2."):
            out.tensors[name] = t
        elif _starts(name, cls.PRETRAINING):
            out.left_out.append(name)
        else:
            out.tensors[name.removeprefix(cls.PREFIX)] = t
    return out


def _starts(name, parts):
    return any(name == part or name.startswith(part + ".") for part in parts)


def classes(checkpoint, cls):
    """The number of classes, from the last layer; None if there is no head."""
    for name in cls.CLASSIFIER:
        if name in checkpoint.tensors:
            return len(checkpoint.tensors[name])
    return None


def without(checkpoint, parts):
    """Removes the tensors under these names; returns their names."""
    gone = [name for name in checkpoint.tensors if _starts(name, parts)]
    for name in gone:
        del checkpoint.tensors[name]
    return gone


def load(model, checkpoint, allow_missing=False, allow_unexpected=False, say=print):
    """Fills a model. Lists what is missing or unexpected, and refuses that unless it is allowed; another
    shape is always refused, and so are two values for one tensor."""
    want = model.state_dict()
    counters = {name for name in want if name.endswith("num_batches_tracked")}  # older files lack them; unused here
    needed = want.keys() - counters
    missing = sorted(needed - checkpoint.tensors.keys())
    unexpected = sorted(checkpoint.tensors.keys() - want.keys())
    got = checkpoint.tensors
    shapes = [name for name in want if name in got and want[name].shape != got[name].shape]
    for kind, names in [("missing", missing), ("unexpected", unexpected)]:
        for name in names:
            say(f"{kind}: {name}")
    for name in shapes:
        say(f"shape: {name} is {list(checkpoint.tensors[name].shape)}, expected {list(want[name].shape)}")
    fitting = len(needed) - len(missing) - len(shapes)
    reasons = [f"{len(names)} {what}" for names, what, fine in [
        (missing, "missing (--allow-missing leaves them as they are initialised)", allow_missing),
        (unexpected, "unexpected (--allow-unexpected leaves them out)", allow_unexpected),
        (shapes, "of another shape", False)] if names and not fine]
    if reasons:
        raise CheckpointError(f"{checkpoint.path}: does not fit: {fitting} of {len(needed)} tensors do, "
                              f"{', '.join(reasons)}; another architecture or --config?")
    _check_tied(model, checkpoint)
    model.load_state_dict(checkpoint.tensors, strict=False)


def _check_tied(model, checkpoint):
    first = {}
    for name, t in model.state_dict(keep_vars=True).items():
        if name not in checkpoint.tensors:
            continue
        other = first.setdefault(id(t), name)
        if not torch.equal(checkpoint.tensors[name], checkpoint.tensors[other]):
            raise CheckpointError(
                f'{checkpoint.path}: "{name}" and "{other}" are one tensor in this network, and two here')
