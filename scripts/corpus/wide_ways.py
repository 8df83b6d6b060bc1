"""How a model of the wide corpus becomes a file: an exporter, optimisers after it, and what else happens to files."""

import contextlib
import io
import pathlib
import random
import re
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

import rename

# Names of steps, joined by "-": ts17-slim-hash. Exporters come first.
EXPORTERS = ["ts11", "ts13", "ts17", "ts20", "ts17nofold", "ts13keep", "ts17keep", "dyn", "dynopt"]
OPTIMISERS = ["slim", "sim", "ort1", "ort2", "ort99"]
FORMS = ["hash", "prefix", "suffix", "shuffle", "fp16", "ext"]


def torchscript(module, inputs, opset, folding=True, training=None):
    import torch

    names = [f"input{i}" for i in range(len(inputs))]
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        inputs,
        buffer,
        dynamo=False,
        opset_version=opset,
        do_constant_folding=folding,
        training=training or torch.onnx.TrainingMode.EVAL,
        input_names=names,
        output_names=["output"],
    )
    return onnx.load_from_string(buffer.getvalue())


def torch_export(step, module, inputs):
    import torch

    if step.startswith("dyn"):
        import exports

        return exports.dynamo(module, inputs, step == "dynopt")
    opset, how = re.fullmatch(r"ts(\d+)(.*)", step).groups()
    keep = torch.onnx.TrainingMode.PRESERVE if how == "keep" else None
    return torchscript(module, inputs, int(opset), folding=not how, training=keep)


def slim(model):
    import onnxslim

    with contextlib.redirect_stdout(io.StringIO()):
        return onnxslim.slim(model)


def sim(model):
    import onnxsim

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        made, ok = onnxsim.simplify(model)
    return made


def ort(level):
    def run(model):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = {
            1: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
            2: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
            99: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
        }[level]
        options.log_severity_level, options.intra_op_num_threads = 4, 1
        with tempfile.TemporaryDirectory() as folder:
            options.optimized_model_filepath = str(pathlib.Path(folder, "m.onnx"))
            onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            return onnx.load(options.optimized_model_filepath)

    return run


def half(model):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True)


def renamed(how):
    """Every name but those of inputs and outputs, which a user sees, has a prefix or suffix."""

    def run(model):
        model = onnx.ModelProto.FromString(model.SerializeToString())
        fixed = {x.name for x in [*model.graph.input, *model.graph.output]}

        def new(name):
            return name if name in fixed or not name else f"tuned.{name}" if how == "prefix" else f"{name}_1"

        def graph(g):
            for n in g.node:
                n.name = new(n.name)
                n.input[:], n.output[:] = map(new, n.input), map(new, n.output)
                for sub in rename.subgraphs(n):
                    graph(sub)
            for x in [*g.initializer, *g.input, *g.output]:
                x.name = new(x.name)
            g.ClearField("value_info")

        graph(model.graph)
        return model

    return run


def shuffle(model):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    rng = random.Random(5)
    nodes = rename.shuffled(model.graph, rng)
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)
    initializers = list(model.graph.initializer)
    rng.shuffle(initializers)
    model.graph.ClearField("initializer")
    model.graph.initializer.extend(initializers)
    return model


def hashed(salt):
    return lambda model: rename.hashed(model, random.Random(salt))


def applied(model, steps, side):
    """The model after the steps behind the exporter. External data is a matter of writing."""
    table = {
        "slim": slim,
        "sim": sim,
        "ort1": ort(1),
        "ort2": ort(2),
        "ort99": ort(99),
        "hash": hashed(side),
        "prefix": renamed("prefix"),
        "suffix": renamed("suffix"),
        "shuffle": shuffle,
        "fp16": half,
        "ext": lambda m: m,
    }
    for step in steps:
        model = table[step](model)
    return model


def float_tensors(model):
    """(name, owner message, array) of all float tensors, in the file's order, sub-graphs included."""
    found = []

    def tensor(name, t):
        if t.data_type in (1, 10, 11, 16):
            found.append((name, numpy_helper.to_array(t)))

    def graph(g):
        for t in g.initializer:
            tensor(t.name, t)
        for n in g.node:
            for a in n.attribute:
                if a.HasField("t"):
                    tensor(f"{n.output[0]}", a.t)
                if a.floats and n.op_type == "Constant":
                    found.append((n.output[0], np.array(a.floats, np.float32)))
            for sub in rename.subgraphs(n):
                graph(sub)

    graph(model.graph)
    for f in model.functions:
        for n in f.node:
            for a in n.attribute:
                if a.HasField("t"):
                    tensor(f"{f.name}/{n.output[0]}", a.t)
    return found


def structure(model):
    """What two files of one way must share so that tensors correspond by their position."""
    return [n.op_type for n in model.graph.node], [(t.dims[:], t.data_type) for t in model.graph.initializer]


def mixed(a, b, alpha=0.5):
    """b with all its float tensors mixed with those of a, by position; None if the files differ in more than values."""
    if structure(a) != structure(b):
        return None
    out = onnx.ModelProto.FromString(b.SerializeToString())

    def mix(x, y):
        if y.data_type not in (1, 10, 11):
            return
        va, vb = numpy_helper.to_array(x), numpy_helper.to_array(y)
        if va.shape == vb.shape:
            v = ((1 - alpha) * va.astype(np.float64) + alpha * vb.astype(np.float64)).astype(vb.dtype)
            name = y.name
            y.CopyFrom(numpy_helper.from_array(v, name))

    def graph(ga, gb):
        for x, y in zip(ga.initializer, gb.initializer):
            mix(x, y)
        for m, n in zip(ga.node, gb.node):
            for p, q in zip(m.attribute, n.attribute):
                if q.HasField("t"):
                    mix(p.t, q.t)
                if q.floats and n.op_type == "Constant" and len(p.floats) == len(q.floats):
                    q.floats[:] = [(1 - alpha) * u + alpha * v for u, v in zip(p.floats, q.floats)]
            for s, t in zip(rename.subgraphs(m), rename.subgraphs(n)):
                graph(s, t)

    graph(a.graph, out.graph)
    return out


def save(model, path, external):
    if not external:
        path.write_bytes(model.SerializeToString(deterministic=True))
        return
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for t in model.graph.initializer:  # shapes must stay inside
        if t.data_type in (1, 10, 11) and len(t.dims) and np.prod(t.dims) > 16:
            t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t), t.name))  # as raw data
            onnx.external_data_helper.set_external_data(t, path.name + ".data")
    pathlib.Path(path.parent, path.name + ".data").unlink(missing_ok=True)
    onnx.save(model, str(path))
