"""Makes stores/: every place where a weight can sit, every dtype, every way protobuf may write it.

Run: python make_stores.py (versions in scripts/vectors/requirements.txt). The same bytes come out every time. The
tensors as the onnx package reads them go into stores/tensors.json, by read_stores.py.
"""
import hashlib
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import read_stores
import stores_graphs
import stores_tensors
from stores_tensors import TYPES, field, fixed, floats, model, node, packed, tensor, value, varint

OUT = pathlib.Path(__file__).parent / "stores"


def identities(inits, name):
    """A graph that gives its initializers out."""
    nodes = [node("Identity", [t.name], [t.name + "/out"]) for t in inits]
    outputs = [value(t.name + "/out", t.data_type, t.dims) for t in inits]
    return helper.make_graph(nodes, name, [], outputs, inits)


def every_dtype(names):
    inits = []
    for dtype in names:
        stores = ["string_data"] if dtype == "string" else ["raw_data", TYPES[dtype][1]]
        for store in stores:
            inits.append(tensor(f"{dtype}.{store}", dtype, store))
            inits.append(tensor(f"{dtype}.{store}.scalar", dtype, store, 1, []))
            inits.append(tensor(f"{dtype}.{store}.empty", dtype, store, 0, [2, 0]))
    return identities(inits, "dtypes")


def runs():
    """Written byte by byte: packed, unpacked, split and mixed runs, in any order of fields. The file, and the names of
    its tensors in order."""
    def t(name, dtype, dims, *payload):
        return b"".join([dims, field(2, TYPES[dtype][0]), field(8, name.encode()), *payload])

    ten = packed(1, 10)
    floats = [bytes(4 * i % 251 for i in range(4 * k, 4 * k + 4)) for k in range(10)]
    doubles = [bytes(3 * i % 253 for i in range(8 * k, 8 * k + 8)) for k in range(10)]
    numbers = [0, 1, 127, 128, 16383, 16384, -1, -(2**31), 2**31 - 1, 300]
    longs = [0, 1, 127, 128, 2**35, -(2**35), -1, -(2**63), 2**63 - 1, 300]
    tensors = []
    for dtype, num, one, elements in [
            ("float32", 4, fixed, floats), ("float64", 10, fixed, doubles), ("complex64", 4, fixed, floats),
            ("int32", 5, field, numbers), ("int64", 7, field, longs), ("uint64", 11, field, longs),
            ("int16", 5, field, [0, 1, 127, 128, 255, 256, -1, -32768, 32767, 300]),
            ("float16", 5, field, [0, 1, 127, 128, 255, 256, 0x7C00, 0xFFFF, 0x8000, 300]),
            ("uint32", 11, field, [0, 1, 127, 128, 2**32 - 1, 2**31, 2**21, 2**21 - 1, 300, 5])]:
        def run(part):
            return field(num, b"".join(part)) if one is fixed else packed(num, *part)

        dims = packed(1, 5) if dtype == "complex64" else ten
        tensors += [
            t(f"{dtype}.packed", dtype, dims, run(elements)),
            t(f"{dtype}.unpacked", dtype, dims, *[one(num, e) for e in elements]),
            t(f"{dtype}.split", dtype, dims, run(elements[:3]), run(elements[3:4]), run([]), run(elements[4:])),
            t(f"{dtype}.mixed", dtype, dims, one(num, elements[0]), run(elements[1:6]), one(num, elements[6]),
              one(num, elements[7]), run(elements[8:])),
        ]
    tensors += [
        t("int32.five_bytes", "int32", packed(1, 2), field(5, b"\xff\xff\xff\xff\x0f\x80\x80\x80\x80\x08")),
        t("int32.overlong", "int32", packed(1, 3), field(5, b"\x80\x00\x81\x80\x00" + varint(-1))),
        t("uint64.overlong", "uint64", packed(1, 2), field(11, b"\x85\x80\x80\x80\x80\x80\x80\x80\x80\x00\x07")),
        t("int4.split", "int4", packed(1, 5), packed(5, 0x8F), field(5, 0x21), packed(5, 0x07)),
        t("bool.unpacked", "bool", packed(1, 3), field(5, 1), field(5, 0), field(5, 1)),
        t("dims.unpacked", "int8", field(1, 2) + field(1, 3), field(9, bytes(range(6)))),
        t("dims.mixed", "int8", field(1, 1) + packed(1, 2, 3) + packed(1) + field(1, 1), field(9, bytes(range(6)))),
        t("raw.twice", "int8", packed(1, 2), field(9, b"\x01\x02\x03"), field(9, b"\x04\x05")),
        t("type.twice", "float64", packed(1, 2), field(9, b"\x06\x07"), field(2, TensorProto.INT8)),
        t("string.empty_elements", "string", packed(1, 3), field(6, b""), field(6, b"s"), field(6, b"")),
        field(9, b"\x08\x09") + field(14, 0) + field(8, b"payload.first") + field(2, TensorProto.INT8) + field(1, 2),
    ]

    def constant(out, name, kind, *payload):
        attribute = field(1, name.encode()) + field(20, kind) + b"".join(payload)
        return field(1, field(2, out.encode()) + field(4, b"Constant") + field(5, attribute))

    A = onnx.AttributeProto
    nodes = [
        constant("floats.packed", "value_floats", A.FLOATS, field(7, b"".join(floats))),
        constant("floats.mixed", "value_floats", A.FLOATS, fixed(7, floats[0]), field(7, b"".join(floats[1:9])),
                 fixed(7, floats[9])),
        constant("ints.packed", "value_ints", A.INTS, packed(8, *longs)),
        constant("ints.mixed", "value_ints", A.INTS, field(8, longs[0]), packed(8, *longs[1:9]), field(8, longs[9])),
        # A node's fields in another order: its attribute before its output and type.
        field(1, field(5, field(5, field(9, b"\x01\x02") + field(1, 2) + field(2, TensorProto.INT8))
                       + field(20, A.TENSOR) + field(1, b"value"))
              + field(4, b"Constant") + field(2, b"attribute.first")),
    ]
    # Initializers before, between and after the nodes; the name last.
    inits = [field(5, b) for b in tensors]
    fields = inits[:2] + nodes[:2] + inits[2:5] + nodes[2:] + inits[5:]
    names = [TensorProto.FromString(b).name for b in tensors]
    outs = ["floats.packed", "floats.mixed", "ints.packed", "ints.mixed", "attribute.first"]
    order = names[:2] + outs[:2] + names[2:5] + outs[2:] + names[5:]
    output = field(12, value("ints.packed", TensorProto.INT64, [10]).SerializeToString())
    graph = b"".join(fields) + output + field(2, b"runs")
    return field(7, graph) + field(8, field(2, 21)) + field(1, 10), order


def constants():
    sparse = helper.make_sparse_tensor(tensor("ignored", "float32", "float_data", 3, first=8),
                                       helper.make_tensor("", TensorProto.INT64, [3, 2], [0, 1, 0, 3, 2, 2]), [3, 4])
    attributes = {
        "raw": {"value": tensor("ignored", "float32", "raw_data")},
        "float_data": {"value": tensor("", "float32", "float_data", 4, [2, 2])},
        "int32_data": {"value": tensor("", "float16", "int32_data")},
        "strings": {"value": tensor("", "string", "string_data")},
        "float": {"value_float": -0.0},
        "floats": {"value_floats": [1.5, float("-inf"), 1e-45, -0.0]},
        "no_floats": {"value_floats": []},
        "int": {"value_int": -(2**63)},
        "ints": {"value_ints": [2**63 - 1, -1, 0, 128]},
        "string": {"value_string": "text"},
        "texts": {"value_strings": ["one", "", "\u00e9"]},
        "sparse": {"sparse_value": sparse},
    }
    kinds = {"value_floats": onnx.AttributeProto.FLOATS}
    nodes, outputs = [], []
    for out, attribute in attributes.items():
        (name, v), = attribute.items()
        nodes.append(node("Constant", [], [out], name="constant " + out))
        nodes[-1].attribute.append(helper.make_attribute(name, v, attr_type=kinds.get(name)))
    for out, elem, shape in [("raw", 1, [12]), ("float_data", 1, [2, 2]), ("int32_data", 10, [11]), ("float", 1, []),
                             ("floats", 1, [4]), ("int", 7, []), ("ints", 7, [4]), ("sparse", 1, [3, 4])]:
        outputs.append(value(out, elem, shape))
    # A tensor in an attribute of another operator is part of the operator.
    nodes.append(node("ConstantOfShape", ["ints_shape"], ["filled"], value=tensor("", "float32", "raw_data", 1)))
    nodes.insert(0, node("Constant", [], ["ints_shape"], value_ints=[2]))
    return model(helper.make_graph(nodes, "constants", [], outputs))


def sparse():
    def tensors(name, values, store, indices, index_dims, dims):
        at = helper.make_tensor(name + ".indices", TensorProto.INT64, index_dims, indices)
        if store == "raw":
            values = numpy_helper.from_array(np.array(values, np.float32), name)
            at = numpy_helper.from_array(np.array(indices, np.int64).reshape(index_dims), name + ".indices")
        else:
            values = helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
        return helper.make_sparse_tensor(values, at, dims)

    def branch(out, v):
        return helper.make_graph([node("Add", ["x", "s"], [out])], out, [], [value(out, shape=[3, 4])],
                                 sparse_initializer=[tensors("s", [v], "raw", [5], [1], [3, 4])])

    nodes = [
        node("Add", ["x", "linear"], ["a"]), node("Add", ["a", "pairs"], ["b"]),
        node("Add", ["b", "dense"], ["c"]), node("Add", ["c", "nothing"], ["d"]),
        node("If", ["flag"], ["e"], then_branch=branch("t", 1.5), else_branch=branch("f", 2.5)),
        node("Add", ["d", "e"], ["out"])]
    return model(helper.make_graph(
        nodes, "sparse", [value("x", shape=[3, 4]), value("flag", TensorProto.BOOL, [])], [value("out", shape=[3, 4])],
        [floats("dense", 1, 2, 3, 4)], sparse_initializer=[
            tensors("linear", [1.0, -2.0, 0.5], "raw", [0, 5, 11], [3], [3, 4]),
            tensors("pairs", [4.0, 8.0], "float_data", [0, 3, 2, 1], [2, 2], [3, 4]),
            tensors("nothing", [], "float_data", [], [0], [3, 4])]))


def external():
    """Payloads in a.bin, c.bin and more/b.bin."""
    (OUT / "more").mkdir(exist_ok=True)
    a = bytearray(i * 7 % 256 for i in range(96)) + bytes(4096 - 96) + bytes(i * 11 % 256 for i in range(40))
    a[66] &= 0x0F  # the end of int4, padded with 0
    b, c = bytes(i * 5 % 256 for i in range(64)), bytes(i * 3 % 256 for i in range(24))
    for name, data in {"a.bin": a, "c.bin": c, "more/b.bin": b}.items():
        (OUT / name).write_bytes(data)

    def at(name, dtype, dims, location, **entries):
        t = TensorProto(name=name, data_type=TYPES[dtype][0], dims=dims, data_location=TensorProto.EXTERNAL)
        for key, v in {"location": location, **entries}.items():
            t.external_data.add(key=key, value=str(v))
        return t

    checksum = hashlib.sha1(a).hexdigest()
    inits = [
        at("both", "float32", [4], "a.bin", offset=16, length=16),
        at("page", "float32", [2, 5], "a.bin", offset=4096, length=40, checksum=checksum),
        at("no_offset", "float64", [2], "a.bin", length=16),
        at("no_length", "int8", [8], "more/b.bin", offset=56),
        at("neither", "float32", [6], "c.bin"),
        at("shared.1", "float32", [2, 2], "more/b.bin", offset=8, length=16),
        at("shared.2", "float32", [4], "more/b.bin", length=16, offset=8),
        at("int4", "int4", [5], "a.bin", offset=64, length=3, unknown_key="is ignored"),
        at("float16", "float16", [3], "a.bin", offset=68, length=6),
        at("empty", "float32", [0], "a.bin", offset=96, length=0),
        tensor("inside", "float32", "float_data", 2, first=8),
    ]
    graph = identities(inits, "external")
    constant = at("", "float32", [2], "a.bin", offset=80, length=8)
    graph.node.append(node("Constant", [], ["constant"], value=constant))
    graph.output.append(value("constant", shape=[2]))
    branch = [helper.make_graph([node("Identity", ["w"], [out])], out, [], [value(out, shape=[3])],
                                [at("w", "float32", [3], "more/b.bin", offset=off, length=12)])
              for out, off in [("then_value", 24), ("else_value", 36)]]
    graph.node.append(node("If", ["flag"], ["chosen"], then_branch=branch[0], else_branch=branch[1]))
    graph.input.append(value("flag", TensorProto.BOOL, []))
    graph.output.append(value("chosen", shape=[3]))
    return model(graph)


def main():
    OUT.mkdir(exist_ok=True)
    known = [name for name in TYPES if name != "float4e2m1"]
    models = {
        "dtypes": model(every_dtype(known)), "float4": model(every_dtype(["float4e2m1"]), ir_version=11),
        "constants": constants(), "sparse": sparse(), "external": external(),
        "control": stores_graphs.control(), "functions": stores_graphs.functions(), "extras": stores_graphs.extras(),
        "qdq": stores_graphs.qdq(), "qoperators": stores_graphs.qoperators(), "custom": stores_graphs.custom(),
    }
    for name, m in models.items():
        (OUT / f"{name}.onnx").write_bytes(m.SerializeToString(deterministic=True))
        if name != "float4":  # which onnx 1.17 does not know
            onnx.checker.check_model(OUT / f"{name}.onnx")
    data, order = runs()
    (OUT / "runs.onnx").write_bytes(data)
    onnx.checker.check_model(OUT / "runs.onnx")
    modules = [stores_tensors, stores_graphs, read_stores]
    read_stores.write(OUT, [pathlib.Path(f) for f in [__file__, *(m.__file__ for m in modules)]], {"runs.onnx": order})


if __name__ == "__main__":
    main()
