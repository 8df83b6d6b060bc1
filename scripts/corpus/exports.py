"""The export recipes: what turns a PyTorch module into an ONNX model."""

import contextlib
import io
import logging
import random
import warnings
from dataclasses import dataclass

import onnx
import onnxslim
import torch

import rename


@dataclass
class Recipe:
    batch: int  # of the inputs it is traced with; what a static export is bound to
    make: callable  # (module, inputs, seed) to ModelProto
    says: str  # for the manifest


def torchscript(m, inputs, opset, folding=True, training=torch.onnx.TrainingMode.EVAL, dynamic=False):
    names = [f"input{i}" for i in range(len(inputs))]
    buffer = io.BytesIO()
    torch.onnx.export(
        m, inputs, buffer, dynamo=False, opset_version=opset, do_constant_folding=folding, training=training,
        input_names=names, output_names=["output"],
        dynamic_axes={name: {0: "batch"} for name in [*names, "output"]} if dynamic else None)
    return onnx.load_from_string(buffer.getvalue())


def dynamo(m, inputs, optimize):
    program = torch.onnx.export(m, inputs, dynamo=True, optimize=optimize, verbose=False)
    return without_notes(program.model_proto)


def without_notes(model):
    """Removes stack traces and other metadata, which are most of a small file and contain paths of the exporter."""
    def clean(message):
        for name in ["metadata_props", "doc_string"]:
            if name in message.DESCRIPTOR.fields_by_name:
                message.ClearField(name)
        for f, value in message.ListFields():
            if f.message_type:
                for v in value if f.label == f.LABEL_REPEATED else [value]:
                    clean(v)
    clean(model)
    return model


def fold(m, x, _):
    return torchscript(m, x, 13, dynamic=True)


def keep(m, x, _):
    return torchscript(m, x, 13, folding=False, training=torch.onnx.TrainingMode.PRESERVE)


def hashed(m, x, seed):
    return rename.hashed(fold(m, x, seed), random.Random(seed))


def hashed_keep(m, x, seed):
    return rename.hashed(keep(m, x, seed), random.Random(seed), lift=True)


def slim(make):
    def run(m, x, seed):
        model = make(m, x, seed)
        with contextlib.redirect_stdout(io.StringIO()):
            return onnxslim.slim(model)
    return run


RECIPES = {
    "fold": Recipe(2, fold, "TorchScript, opset 13, constants folded, batch dynamic"),
    "keep": Recipe(2, keep, "TorchScript, opset 13, not folded, training=PRESERVE on a module in eval mode"),
    "opset11": Recipe(1, lambda m, x, _: torchscript(m, x, 11), "TorchScript, opset 11, constants folded, batch 1"),
    "opset17": Recipe(3, lambda m, x, _: torchscript(m, x, 17), "TorchScript, opset 17, constants folded, batch 3"),
    "opset20": Recipe(2, lambda m, x, _: torchscript(m, x, 20), "TorchScript, opset 20, constants folded, batch 2"),
    "dynamo": Recipe(2, lambda m, x, _: dynamo(m, x, False), "torch.onnx.export(dynamo=True, optimize=False)"),
    "dynamo_optimized": Recipe(2, lambda m, x, _: dynamo(m, x, True), "torch.onnx.export(dynamo=True, optimize=True)"),
    "slim": Recipe(2, slim(fold), "fold, then onnxslim"),
    "slim_keep": Recipe(2, slim(keep), "keep, then onnxslim, which fuses BatchNorm itself"),
    "hashed": Recipe(2, hashed, "fold, then all names hashed, nodes and initializers shuffled"),
    "hashed_keep": Recipe(2, hashed_keep, "keep, then as hashed, and every third initializer made a Constant node"),
}
HEAD_RECIPES = ["fold", "keep", "hashed"]  # of B with other heads
FEW = {"resnet", "branches", "vit", "recurrent"}
RARE_RECIPES = {  # by architectures; where they show something new, so that the corpus stays small
    "opset20": {"mlp", "resnet", "vit", "bert", "cross_attention", "pointnet"},
    "slim_keep": FEW, "hashed_keep": FEW,
}


def recipes(architecture):
    return [r for r in RECIPES if architecture in RARE_RECIPES.get(r, {architecture})]


def export(recipe, m, inputs, seed):
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return RECIPES[recipe].make(m, inputs, seed)
