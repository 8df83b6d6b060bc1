"""PyTorch modules as ONNX graphs in which every parameter keeps its name, shape and values."""

import io
import logging
import re
import warnings

import onnx
import torch
from onnx import numpy_helper

OPSET = 17  # the first with LayerNormalization


CLOUDS = {0: "batch", 1: "points"}  # the dynamic axes of (batch, points, 3)


def trace(model, example, output_names, axes=CLOUDS):
    """Exports a module of `points` in evaluation mode; axes are the input's dynamic ones. With a dictionary of examples by
    the inputs' names, in the order of the module's arguments, axes are a dictionary of dynamic ones by the same names.
    Initializers are the tensors of its state dictionary, by name.

    training=PRESERVE and no constant folding keep BatchNorm apart and Linear weights as they are. While
    tracing, every tensor holds a different number, because the exporter merges tensors of equal contents:
    two checkpoints of one architecture then give the same graph.
    """
    model.eval()
    state = {name: t.detach().clone() for name, t in model.state_dict().items()}
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for i, t in enumerate([*model.parameters(), *model.buffers()]):
                if t.is_floating_point():
                    t.fill_((i + 1) / 1024)
            proto = onnx.load_from_string(_export(model, example, output_names, axes))
    finally:
        model.load_state_dict(state)
    renumber(proto.graph, {}, keep=state)
    fill(proto, {name: t.numpy() for name, t in state.items()})
    return proto


def _export(model, example, output_names, axes):
    buffer = io.BytesIO()
    if not isinstance(example, dict):
        example, axes = {"points": example}, {"points": axes}
    logging.disable(logging.WARNING)
    try:
        torch.onnx.export(
            model, tuple(example.values()), buffer, dynamo=False, opset_version=OPSET, do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE, input_names=list(example), output_names=output_names,
            dynamic_axes=axes | {name: {0: "batch"} for name in output_names})
    finally:
        logging.disable(logging.NOTSET)
    return buffer.getvalue()


COUNTED = re.compile(r"((?:\w+::)?[A-Z]\w*_|)\d+")  # names such as onnx::Gather_175, Constant_192, 230


def renumber(graph, names, keep):
    """Numbers the exporter's numbered names again, in the order of the nodes: its numbers depend on the number of
    weights in the model, so that the same backbone with and without a head would have different names."""
    def new(name):
        match = None if name in keep else COUNTED.fullmatch(name)
        return names.setdefault(name, f"{match[1] or 'value_'}{len(names)}") if match else name

    for node in graph.node:
        node.input[:], node.output[:] = map(new, node.input), map(new, node.output)
        node.name = new(node.name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                renumber(attribute.g, names, keep)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        value.name = new(value.name)


def fill(proto, values):
    """Gives every initializer the value of its name."""
    for t in proto.graph.initializer:
        if t.name not in values:
            raise ValueError(f'the exporter made a weight of its own, "{t.name}", out of the module\'s')
        if list(t.dims) != list(values[t.name].shape):
            raise ValueError(f'the exporter changed "{t.name}" from {list(values[t.name].shape)} to {list(t.dims)}')
        t.CopyFrom(numpy_helper.from_array(values[t.name], t.name))


def run(proto, *inputs, threads=0):
    """Outputs of onnxruntime on the CPU, by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    feed = {i.name: x for i, x in zip(session.get_inputs(), inputs)}
    return dict(zip(names, session.run(names, feed)))
