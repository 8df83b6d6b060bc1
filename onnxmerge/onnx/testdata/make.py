"""Makes the small models of this folder. Run: python make.py (versions in scripts/vectors/requirements.txt)"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent


def weights(seed):
    rng = np.random.default_rng(seed)
    return {
        "fc1.weight": rng.standard_normal((8, 3)).astype(np.float32),
        "fc1.bias": rng.standard_normal(8).astype(np.float32),
        "fc2.weight": rng.standard_normal((4, 8)).astype(np.float32),
        "fc2.bias": rng.standard_normal(4).astype(np.float32),
    }


def tensor(name, value, store):
    if store == "raw":
        return numpy_helper.from_array(value, name)
    return helper.make_tensor(name, TensorProto.FLOAT, value.shape, value.flatten().tolist())


def mlp(seed, store="raw", site="initializer", head=0, inner=False, dtype=np.float32, batch="batch", shift="Add", folded=False):
    """points (batch, n, 3) -> fc1 -> relu -> max over points -> fc2 = features (batch, 4)"""
    w = {k: v.astype(dtype) for k, v in weights(seed).items()}
    if head:
        rng = np.random.default_rng(seed + 100)
        w["head.weight"] = rng.standard_normal((head, 4)).astype(dtype)
        w["head.bias"] = rng.standard_normal(head).astype(dtype)
    if folded:  # as an exporter does that transposes weights itself, and forgets their names
        w = {("w1" if k == "fc1.weight" else "w2" if k == "fc2.weight" else k): v.T if v.ndim == 2 and "head" not in k else v
             for k, v in w.items()}
    elem = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes, inits = [], []
    for name, value in w.items():
        if site == "initializer":
            inits.append(tensor(name, value, store))
        else:
            nodes.append(helper.make_node("Constant", [], [name], name="const/" + name, value=tensor("", value, store)))
    inits.append(numpy_helper.from_array(np.array([1], np.int64), "axes"))
    if not folded:
        nodes.append(helper.make_node("Transpose", ["fc1.weight"], ["fc1.weight.t"], name="t1", perm=[1, 0]))
    nodes += [
        helper.make_node("MatMul", ["points", "w1" if folded else "fc1.weight.t"], ["fc1.product"], name="matmul1"),
        helper.make_node(shift, ["fc1.product", "fc1.bias"], ["fc1"], name="add1"),
        helper.make_node("Relu", ["fc1"], ["hidden"], name="relu1"),
        helper.make_node("ReduceMax", ["hidden", "axes"], ["pooled"], name="max1", keepdims=0),
    ]
    if folded:
        nodes += [helper.make_node("MatMul", ["pooled", "w2"], ["fc2.product"], name="matmul2"),
                  helper.make_node("Add", ["fc2.bias", "fc2.product"], ["features"], name="add2")]
    else:
        nodes.append(helper.make_node("Gemm", ["pooled", "fc2.weight", "fc2.bias"], ["features"], name="gemm1", transB=1))
    outputs = [helper.make_tensor_value_info("features", elem, [batch, 4])]
    if head:
        nodes.append(helper.make_node("Gemm", ["features", "head.weight", "head.bias"], ["logits"], name="head", transB=1))
        outputs.append(helper.make_tensor_value_info("logits", elem, [batch, head]))
    points = helper.make_tensor_value_info("points", elem, [batch, "n", 3])
    values = [helper.make_tensor_value_info("hidden", elem, [batch, "n", 8])] if inner else []
    graph = helper.make_graph(nodes, "mlp", [points], outputs, inits, value_info=values)
    model = helper.make_model(graph, producer_name="make.py", opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def branches():
    """An If whose branches hold weights, capture outer values and shadow a name."""
    def branch(scale):
        w = numpy_helper.from_array(np.full(3, scale, np.float32), "w")
        node = helper.make_node("Mul", ["x", "w"], ["y"], name="mul")
        return helper.make_graph([node], "branch", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])], [w])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], name="sum", keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"], name="greater"),
        helper.make_node("If", ["positive"], ["z"], name="if", then_branch=branch(2), else_branch=branch(3)),
        helper.make_node("Clip", ["z", "", "w_max"], ["out"], name="clip"),
    ]
    inits = [numpy_helper.from_array(np.array(0, np.float32), "zero"),
             numpy_helper.from_array(np.array(5, np.float32), "w_max")]
    graph = helper.make_graph(nodes, "branches", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
                              [helper.make_tensor_value_info("out", TensorProto.FLOAT, [3])], inits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def batchnorm():
    """x (batch, 3) -> BatchNormalization, the weights of which tests replace"""
    inits = [numpy_helper.from_array(np.ones(3, np.float32), "bn." + name) for name in ["scale", "bias", "mean", "var"]]
    node = helper.make_node("BatchNormalization", ["x"] + [i.name for i in inits], ["y"], name="bn")
    graph = helper.make_graph([node], "batchnorm", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])], inits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def save(name, model):
    (HERE / name).write_bytes(model.SerializeToString())


def bad(name, data):
    (HERE / "bad" / name).write_bytes(data)


def weight(change):
    """The model whose first initializer, fc1.weight (8, 3), a function has changed."""
    model = mlp(1)
    change(model.graph.initializer[0])
    return model.SerializeToString()


def integers(field, dtype, *packed):
    """An initializer of four elements, its payload as runs of packed varints."""
    def change(t):
        t.Clear()
        t.name, t.data_type = "fc1.weight", dtype
        t.dims.append(4)
        for run in packed:
            t.MergeFromString(bytes([field << 3 | 2, len(run)]) + run)
    return change


def floats_as_int64(t):
    t.float_data.extend(numpy_helper.to_array(t).flatten())
    t.data_type = TensorProto.INT64
    t.ClearField("raw_data")


def sparse(values="w", nnz=3, index_dims=(3,), dims=(3, 4), indices=None, outside=None):
    at = helper.make_tensor("indices", TensorProto.INT64, index_dims, indices or range(np.prod(index_dims)))
    if outside is not None:  # the place of the indices in data.bin
        at.ClearField("int64_data")
        at.data_location = TensorProto.EXTERNAL
        for key, v in {"location": "data.bin", "offset": outside}.items():
            at.external_data.add(key=key, value=str(v))
    tensor = helper.make_sparse_tensor(helper.make_tensor(values, TensorProto.FLOAT, [nnz], [1] * nnz), at, dims)
    graph = helper.make_graph([], "sparse", [], [], sparse_initializer=[tensor])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()


def twice_in_a_function():
    model = mlp(1)
    nodes = [helper.make_node("Constant", [], ["w"], value_float=v) for v in (1.0, 2.0)]
    model.functions.append(helper.make_function("local", "Twice", [], ["w"], nodes, model.opset_import))
    return model.SerializeToString()


def nested(depth):
    """If nodes in each other; written by hand, for protobuf's own readers stop at 100 messages."""
    def message(num, body):
        size = bytes([len(body) & 127 | 128, len(body) >> 7]) if len(body) > 127 else bytes([len(body)])
        return bytes([num << 3 | 2]) + size + body

    node = message(1, message(2, b"y") + message(4, b"Identity"))
    for _ in range(depth):
        attribute = message(1, b"then_branch") + message(6, node)
        node = message(1, message(2, b"y") + message(4, b"If") + message(5, attribute))
    return message(7, node)


def outside(*places):
    """A model whose initializers w0, w1, ... of shape (4,) are at the places given in data.bin, which has 64 bytes."""
    model = helper.make_model(helper.make_graph([], "outside", [], []))
    for i, place in enumerate(places):
        t = model.graph.initializer.add(name=f"w{i}", dims=[4], data_type=TensorProto.FLOAT)
        t.data_location = TensorProto.EXTERNAL
        for key, v in {"location": "data.bin", **place}.items():
            t.external_data.add(key=key, value=str(v))
    return model.SerializeToString()


def bad_stores():
    """Ways to be wrong of what make_stores.py makes. The external ones need data.bin open beside them."""
    int32, int64 = TensorProto.INT32, TensorProto.INT64
    bad("int32_data_short.onnx", weight(integers(5, int32, b"\x01\x02", b"\x03")))
    bad("int32_data_long.onnx", weight(integers(5, int32, b"\x01\x02\x03\x04", b"\x05")))
    cut = weight(integers(5, int32, b"\x01\x02\x03\x7f\x7f"))
    assert cut.count(b"\x01\x02\x03\x7f\x7f") == 1
    bad("varint_cut.onnx", cut.replace(b"\x01\x02\x03\x7f\x7f", b"\x01\x02\x03\x7f\xff"))
    bad("store_of_other_dtype.onnx", weight(floats_as_int64))
    bad("string_raw.onnx", weight(lambda t: setattr(t, "data_type", TensorProto.STRING)))
    bad("sparse_no_name.onnx", sparse(values=""))
    bad("sparse_indices.onnx", sparse(index_dims=(2,)))
    bad("sparse_index_outside.onnx", sparse(indices=[0, 3, 12]))
    bad("sparse_index_negative.onnx", sparse(indices=[-1, 3, 4]))
    bad("sparse_index_order.onnx", sparse(indices=[4, 3, 5]))
    bad("sparse_index_twice.onnx", sparse(indices=[3, 4, 4]))
    bad("sparse_row_outside.onnx", sparse(index_dims=(3, 2), indices=[0, 0, 1, 4, 2, 0]))
    bad("sparse_row_order.onnx", sparse(index_dims=(3, 2), indices=[0, 0, 1, 3, 1, 2]))
    bad("sparse_index_external.onnx", sparse(outside=8))
    bad("sparse_huge_shape.onnx", sparse(dims=(1 << 40, 1 << 40)))
    bad("function_duplicate_name.onnx", twice_in_a_function())
    bad("nested_40.onnx", nested(40))
    (HERE / "bad" / "data.bin").write_bytes(bytes(range(64)))
    bad("external_negative_offset.onnx", outside({"offset": -16, "length": 16}))
    bad("external_offset_overflow.onnx", outside({"offset": 1 << 63, "length": 16}))
    bad("external_end_overflow.onnx", outside({"offset": (1 << 63) - 4, "length": 16}))
    bad("external_length.onnx", outside({"offset": 0, "length": 12}))
    bad("external_overlap.onnx", outside({"offset": 0, "length": 16}, {"offset": 8, "length": 16}))


def main():
    (HERE / "bad").mkdir(exist_ok=True)
    save("pretrained.onnx", mlp(1))
    save("finetuned.onnx", mlp(2, head=5, inner=True))
    save("finetuned_float_data.onnx", mlp(2, store="float_data", head=5))
    save("pretrained_constants.onnx", mlp(1, site="constant"))
    save("finetuned_constants.onnx", mlp(2, store="float_data", site="constant", head=5))
    save("pretrained_float16.onnx", mlp(1, dtype=np.float16))
    save("finetuned_float16.onnx", mlp(2, dtype=np.float16))
    save("pretrained_batch5.onnx", mlp(1, batch=5))
    save("finetuned_other_use.onnx", mlp(2, shift="Mul"))
    save("finetuned_folded.onnx", mlp(2, head=5, folded=True))
    save("branches.onnx", branches())
    save("batchnorm.onnx", batchnorm())

    (HERE / "external").mkdir(exist_ok=True)
    for name, model in {"pretrained": mlp(1), "finetuned": mlp(2, head=5)}.items():
        (HERE / "external" / f"{name}.bin").unlink(missing_ok=True)
        onnx.save_model(model, HERE / "external" / f"{name}.onnx", save_as_external_data=True,
                        location=f"{name}.bin", size_threshold=0)

    whole = mlp(1).SerializeToString()
    bad("truncated.onnx", whole[: len(whole) // 2])
    bad("text.onnx", b"hello, this is not a model\n")
    bad("empty.onnx", b"")
    bad("no_graph.onnx", b"\x08\x08\x12\x04none")
    bad("zip.onnx", b"PK\x03\x04 a checkpoint")
    bad("gzip.onnx", b"\x1f\x8b\x08\x00 compressed")
    bad("lfs_pointer.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    model = mlp(1)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    bad("short_payload.onnx", model.SerializeToString())
    model = mlp(1)
    model.graph.initializer.append(model.graph.initializer[0])
    bad("duplicate_name.onnx", model.SerializeToString())
    model = mlp(1)
    model.graph.initializer[0].dims[0] = -8
    bad("negative_dim.onnx", model.SerializeToString())
    model = mlp(1)
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([1 << 40, 1 << 40])
    bad("huge_shape.onnx", model.SerializeToString())
    model = mlp(1)
    model.graph.initializer[0].float_data.append(1.0)
    bad("two_stores.onnx", model.SerializeToString())
    bad("long_claim.onnx", b"\x3a\xff\xff\xff\xff\x0f" + whole[:40])
    bad_stores()


if __name__ == "__main__":
    main()
