"""The models of make_stores.py in which it matters where a weight sits and who uses it."""
import numpy as np
import onnx
from onnx import TensorProto, helper

from stores_tensors import array, field, fixed, floats, model, node, tensor, value


def control():
    """If in Loop in the main graph, If in If, Scan; every body has a weight of the same name."""
    flag = value("flag", TensorProto.BOOL, [])

    def branch(out, nodes, *inits):
        return helper.make_graph(nodes, out + " branch", [], [value(out, shape=[3])], list(inits))

    def scaled(out, *w):
        return branch(out, [node("Mul", ["x", "w"], [out])], floats("w", *w))

    inner_if = node("If", ["flag"], ["inner"], then_branch=scaled("inner_then", 5, 6, 7),
                    else_branch=branch("inner_else", [
                        node("Constant", [], ["c"], value_floats=[1.0, 2.0, 4.0]),
                        node("Add", ["x", "c"], ["inner_else"])]))
    body = helper.make_graph(
        [node("Add", ["state", "w"], ["sum"]), inner_if,
         node("Add", ["sum", "inner"], ["next"]), node("Identity", ["more"], ["again"])],
        "loop body",
        [value("i", TensorProto.INT64, []), value("more", TensorProto.BOOL, []), value("state", shape=[3])],
        [value("again", TensorProto.BOOL, []), value("next", shape=[3])], [floats("w", 0.25, 0.5, 0.75)])
    step = helper.make_graph(
        [node("Mul", ["element", "w"], ["product"]), node("Add", ["total", "product"], ["grown"])],
        "scan body", [value("total", shape=[]), value("element", shape=[])], [value("grown", shape=[])],
        [array("w", 3, np.float32)])
    outer_if = node(
        "If", ["flag"], ["chosen"], else_branch=scaled("else_value", -1, -2, -3),
        then_branch=branch("then_value", [
            node("If", ["flag"], ["deep"], then_branch=scaled("deep_then", 8, 9, 10),
                 else_branch=scaled("deep_else", 11, 12, 13)),
            node("Mul", ["deep", "w"], ["then_value"])], floats("w", 0.5, 0.5, 0.5)))
    nodes = [
        node("Add", ["x", "w"], ["shifted"]),
        node("Loop", ["trips", "flag", "shifted"], ["looped"], body=body),
        outer_if,
        node("Scan", ["zero", "looped"], ["scanned"], body=step, num_scan_inputs=1),
    ]
    return model(helper.make_graph(
        nodes, "control", [value("x", shape=[3]), flag, value("w", shape=[3])],  # w: an input with a default
        [value("looped", shape=[3]), value("chosen", shape=[3]), value("scanned", shape=[])],
        [floats("w", 1, 2, 3), array("trips", 2, np.int64), array("zero", 0, np.float32)]))


def functions():
    def function(name, nodes, attributes=(), overload=""):
        f = helper.make_function("local.ops", name, ["x"], ["y"], nodes, [helper.make_opsetid("", 21)],
                                 list(attributes))
        f.overload = overload
        return f

    def constant(out, v):
        return node("Constant", [], [out], value=v)

    reference = node("Constant", [], ["shift"])
    # The caller's value, no weight.
    reference.attribute.add(name="value_float", type=onnx.AttributeProto.FLOAT, ref_attr_name="by")
    scale = function("Scale", [
        constant("w", floats("", 2, 3, 4)), reference,
        node("Mul", ["x", "w"], ["product"]), node("Add", ["product", "shift"], ["y"])], ["by"])
    wide = function("Scale", [
        constant("w", tensor("", "float32", "float_data", 3, first=8)), node("Mul", ["x", "w"], ["y"])],
        overload="wide")

    def branch(out, w):
        return helper.make_graph([node("Mul", ["x", "w"], [out])], out, [], [value(out, shape=[3])],
                                 [floats("w", *w)])

    choose = function("Choose", [
        node("Constant", [], ["limit"], value_float=0.5),
        node("ReduceSum", ["x"], ["sum"], keepdims=0),
        node("Greater", ["sum", "limit"], ["large"]),
        node("If", ["large"], ["y"], then_branch=branch("a", [1, 2, 3]), else_branch=branch("b", [4, 5, 6]))])
    call = node("Scale", ["a"], ["b"], domain="local.ops")
    call.overload = "wide"
    nodes = [
        node("Mul", ["x", "w"], ["start"]),
        node("Scale", ["start"], ["a"], domain="local.ops", by=0.125), call,
        node("Choose", ["b"], ["out"], domain="local.ops")]
    graph = helper.make_graph(nodes, "functions", [value("x", shape=[3])], [value("out", shape=[3])],
                              [floats("w", 1, 1, 2)])
    return model(graph, [("local.ops", 1)], [scale, wide, choose])


def extras():
    """All that is not weights and must survive: unknown fields, texts, metadata, training, quantization."""
    unknown = field(9999, b"of a later version") + field(9998, -1) + fixed(9997, b"fourfour") + fixed(9996, b"four")
    inits = [floats("w", 1, 2, 3), array("zero", 128, np.uint8), array("scale", 0.5, np.float32)]
    add = node("Add", ["x", "w"], ["y"], name="add", doc_string="adds")
    note = node("Constant", [], ["note"], value=floats("", 7), doc_string="not used")
    graph = helper.make_graph([add, note], "extras", [value("x", shape=[3])], [value("y", shape=[3])],
                              inits, doc_string="a graph")
    annotation = graph.quantization_annotation.add(tensor_name="w")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="scale")
    annotation.quant_parameter_tensor_names.add(key="ZERO_POINT_TENSOR", value="zero")
    m = model(graph)
    m.doc_string = "a model"
    for owner in [m, m.graph, m.graph.node[0], m.graph.initializer[0]]:
        owner.metadata_props.add(key="key", value="value")
        owner.MergeFromString(unknown)
    m.graph.initializer[0].doc_string = "a weight"
    m.metadata_props.add(key="large", value="0123456789abcdef" * 4100)
    m.metadata_props.add(key="empty", value="")
    m.graph.node[1].attribute[0].MergeFromString(unknown)
    m.graph.node[1].attribute[0].doc_string = "an attribute"
    training = m.training_info.add()
    training.algorithm.CopyFrom(helper.make_graph([node("Sub", ["w", "rate"], ["w_next"])], "step", [],
                                                  [value("w_next", shape=[3])], [array("rate", 0.125, np.float32)]))
    training.update_binding.add(key="w", value="w_next")
    training.initialization.name = "nothing"
    return m


def qdq():
    """Weights in int8 and uint8 with their scales, per tensor and per axis, and float biases."""
    rng = np.random.default_rng(0)
    inits = [
        array("x.scale", 0.05, np.float32), array("x.zero", 128, np.uint8),
        array("conv.weight", rng.integers(-127, 128, (3, 2, 1, 1)), np.int8),
        array("conv.scale", [0.1, 0.02, 0.3], np.float32), array("conv.zero", [0, 0, 0], np.int8),
        array("conv.bias", [0.5, -0.5, 0], np.float32),
        array("fc.weight", rng.integers(0, 256, (3, 4)), np.uint8), array("fc.scale", 0.01, np.float32),
        array("fc.zero", 120, np.uint8), array("fc.bias", [1, 2, 3, 4], np.int32),
        array("fc.bias.scale", 0.001, np.float32), array("spatial", [2, 3], np.int64)]
    dq = "DequantizeLinear"
    nodes = [
        node("QuantizeLinear", ["x", "x.scale", "x.zero"], ["xq"]),
        node(dq, ["xq", "x.scale", "x.zero"], ["xd"]),
        node(dq, ["conv.weight", "conv.scale", "conv.zero"], ["conv.weight.d"], axis=0),
        node("Conv", ["xd", "conv.weight.d", "conv.bias"], ["conv"]),
        node("ReduceMean", ["conv", "spatial"], ["pooled"], keepdims=0),
        node(dq, ["fc.weight", "fc.scale", "fc.zero"], ["fc.weight.d"]),
        node(dq, ["fc.bias", "fc.bias.scale"], ["fc.bias.d"]),
        node("Gemm", ["pooled", "fc.weight.d", "fc.bias.d"], ["out"])]
    return model(helper.make_graph(nodes, "qdq", [value("x", shape=[1, 2, 4, 4])], [value("out", shape=[1, 4])], inits))


def qoperators():
    rng = np.random.default_rng(1)
    inits = [
        array("x.scale", 0.05, np.float32), array("x.zero", 128, np.uint8), array("y.scale", 0.5, np.float32),
        array("conv.weight", rng.integers(0, 256, (3, 2, 1, 1)), np.uint8), array("conv.scale", 0.1, np.float32),
        array("conv.zero", 127, np.uint8), array("conv.bias", [100, -100, 0], np.int32),
        array("fc.weight", rng.integers(0, 256, (4, 5)), np.uint8), array("fc.scale", 0.02, np.float32),
        array("mm.weight", rng.integers(0, 256, (5, 2)), np.uint8), array("mm.zero", 3, np.uint8),
        array("ci.weight", rng.integers(0, 256, (1, 2, 2, 2)), np.uint8)]
    nodes = [
        node("QuantizeLinear", ["x", "x.scale", "x.zero"], ["xq"]),
        node("QLinearConv", ["xq", "x.scale", "x.zero", "conv.weight", "conv.scale", "conv.zero", "y.scale", "x.zero",
                             "conv.bias"], ["conv"]),
        node("QLinearMatMul", ["conv", "y.scale", "x.zero", "fc.weight", "fc.scale", "conv.zero", "y.scale", "x.zero"],
             ["fc"]),
        node("MatMulInteger", ["fc", "mm.weight", "x.zero", "mm.zero"], ["product"]),
        node("ConvInteger", ["xq", "ci.weight", "x.zero"], ["convolved"])]
    return model(helper.make_graph(
        nodes, "qoperators", [value("x", shape=[1, 2, 4, 4])],
        [value("product", TensorProto.INT32, [1, 3, 4, 2]), value("convolved", TensorProto.INT32, [1, 1, 3, 3])],
        inits))


def custom():
    """Operators of other domains: 4-bit blocks, several graphs in one attribute, tensors that are attributes."""
    rng = np.random.default_rng(2)
    blocks = [array("b", rng.integers(0, 256, (3, 2, 8)), np.uint8),
              array("b.scale", rng.standard_normal(6), np.float32), array("b.zero", rng.integers(0, 256, 3), np.uint8)]
    bodies = [helper.make_graph([node("Add", ["out", "w"], [f"body{i}"])], f"body{i}", [], [value(f"body{i}")],
                                [floats("w", i, i)]) for i in range(3)]
    some = helper.make_sparse_tensor(floats("s", 1), array("s.indices", [2], np.int64), [4])
    nodes = [
        node("MatMulNBits", ["x", "b", "b.scale", "b.zero"], ["out"], domain="com.microsoft", K=32, N=3, bits=4,
             block_size=16),
        node("Switch", ["out"], ["z"], domain="com.example", bodies=bodies[:2], other=bodies[2:],
             table=floats("table", 1, 2), tables=[floats("t0", 1), floats("t1", 2)], hint=some, hints=[some])]
    graph = helper.make_graph(nodes, "custom", [value("x", shape=[1, 32])], [value("z")], blocks)
    return model(graph, [("com.microsoft", 1), ("com.example", 1)])
