"""The tensors of an ONNX model, under the IDs that onnxmerge/onnx gives them."""

import numpy as np
import onnx
from onnx import numpy_helper

PLAIN = {
    "value_float": ("f", np.float32), "value_floats": ("floats", np.float32),
    "value_int": ("i", np.int64), "value_ints": ("ints", np.int64),
}


def tensors(model):
    """All of them: initializers and Constant nodes, those of sub-graphs and functions too."""
    found = {}

    def add(scope, name, value):
        tensor_id = f"{scope}/{name}" if scope else name
        assert tensor_id not in found, tensor_id
        found[tensor_id] = value

    def walk_nodes(nodes, scope):
        for node in nodes:
            for a in node.attribute:
                if node.op_type == "Constant" and not a.ref_attr_name:  # else the caller of a function has the value
                    add(scope, node.output[0], constant(a))
                subs = [a.g] if a.HasField("g") else a.graphs
                for i, sub in enumerate(subs):
                    path = f"{scope}/{result(node)}.{a.name}".removeprefix("/")
                    walk(sub, path if len(subs) == 1 else f"{path}[{i}]")

    def walk(graph, scope):
        for t in graph.initializer:
            add(scope, t.name, numpy_helper.to_array(t))
        assert not graph.sparse_initializer
        walk_nodes(graph.node, scope)

    walk(model.graph, "")
    for f in model.functions:
        overload = f":{f.overload}" if f.overload else ""
        walk_nodes(f.node, f"functions/{f.domain}.{f.name}{overload}")
    return found


def result(node):
    return node.output[0] if node.output else node.name


def constant(a):
    if a.name == "value":
        return numpy_helper.to_array(a.t)
    if a.name == "value_string":
        return np.array(a.s.decode(), object)
    name, dtype = PLAIN[a.name]
    value = getattr(a, name)
    return np.array(list(value) if name.endswith("s") else value, dtype)
