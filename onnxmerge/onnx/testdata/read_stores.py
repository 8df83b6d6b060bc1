"""Writes stores/tensors.json: the tensors of every model there, as the onnx package reads them. See make_stores.py."""
import hashlib
import json

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT4E2M1 = 23
NAMES = {TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64", FLOAT4E2M1: "float4e2m1"}
# What onnx gives as bits or does not read, and who knows its values.
BITS = {
    TensorProto.BFLOAT16: ml_dtypes.bfloat16, TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn,
    TensorProto.FLOAT8E4M3FNUZ: ml_dtypes.float8_e4m3fnuz, TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2,
    TensorProto.FLOAT8E5M2FNUZ: ml_dtypes.float8_e5m2fnuz,
}
STORES = ["float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data"]


def dtype_name(number):
    return NAMES.get(number) or TensorProto.DataType.Name(number).lower()


def store(t):
    if t.data_location == TensorProto.EXTERNAL:
        return "external"
    return "raw" if t.HasField("raw_data") else next((s for s in STORES if len(getattr(t, s))), "empty")


def payload(t, folder):
    """The bytes that raw_data would have."""
    t = TensorProto.FromString(t.SerializeToString())  # to_array loads external data into it
    if 0 in t.dims:  # of which onnx takes an external length of 0 for none
        return b""
    if t.data_type == FLOAT4E2M1:
        return t.raw_data or bytes(t.int32_data)
    if t.data_type == TensorProto.BFLOAT16:  # of which to_array of onnx 1.17 overlooks raw_data
        return t.raw_data or np.array(t.int32_data, np.uint16).tobytes()
    for name, bits in {"float_data": np.uint32, "double_data": np.uint64}.items():
        if len(getattr(t, name)):  # to_array quiets signalling NaN, and of onnx 1.17 fails on complex numbers
            exact = np.frombuffer(wire(t, name), bits)
            np.testing.assert_array_equal(exact.view(f"f{exact.itemsize}"), getattr(t, name))
            return exact.tobytes()
    array = numpy_helper.to_array(t, str(folder))
    if t.data_type in BITS:
        check_float8(t, array.astype(np.uint8))
        return array.tobytes()
    if t.data_type in (TensorProto.INT4, TensorProto.UINT4):
        nibbles = array.astype(np.int64).ravel() & 15
        nibbles = np.append(nibbles, [0] * (len(nibbles) % 2)).astype(np.uint8)
        return (nibbles[0::2] | nibbles[1::2] << 4).tobytes()
    return array.tobytes()


def wire(t, name):
    """The elements of a repeated float or double as protobuf packs them."""
    alone = TensorProto()
    getattr(alone, name).MergeFrom(getattr(t, name))
    data, size = alone.SerializeToString(), len(getattr(t, name)) * (4 if name == "float_data" else 8)
    return data[len(data) - size:]


def check_float8(t, bits):
    """Bits that ml_dtypes reads otherwise than onnx were not understood."""
    with np.errstate(invalid="ignore"):
        want = bits.view(BITS[t.data_type]).astype(np.float32)
    uz = t.data_type in (TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2FNUZ)
    if t.data_type in (TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ):
        got = [numpy_helper.float8e4m3_to_float32(b, uz=uz) for b in bits.ravel()]
    else:
        got = [numpy_helper.float8e5m2_to_float32(b, fn=uz, uz=uz) for b in bits.ravel()]
    np.testing.assert_array_equal(np.array(got, np.float32), want.ravel())


class Reader:
    def __init__(self, folder):
        self.folder, self.tensors = folder, []

    def describe(self, t):
        d = {"dtype": dtype_name(t.data_type), "dims": list(t.dims), "store": store(t)}
        if t.data_type == TensorProto.STRING:
            return d | {"strings": [s.decode() for s in t.string_data]}
        return d | {"hex": payload(t, self.folder).hex()}

    def add(self, scope, name, site, d):
        self.tensors.append({"id": f"{scope}/{name}" if scope else name, "site": site} | d)

    def sparse(self, s):
        return self.describe(s.values) | {"dense_dims": list(s.dims), "indices": self.describe(s.indices)}

    def graph(self, scope, g):
        self.nodes(scope, g.node)
        for t in g.initializer:
            self.add(scope, t.name, "initializer", self.describe(t))
        for s in g.sparse_initializer:
            self.add(scope, s.values.name, "sparse_initializer", self.sparse(s))

    def nodes(self, scope, nodes):
        for n in nodes:
            for a in n.attribute:
                if n.op_type == "Constant" and n.domain in ("", "ai.onnx") and not a.ref_attr_name:
                    self.add(scope, n.output[0], "constant", self.constant(a))
                graphs = [a.g] if a.HasField("g") else list(a.graphs)
                for i, g in enumerate(graphs):
                    path = f"{n.output[0]}.{a.name}" + (f"[{i}]" if len(graphs) > 1 else "")
                    self.graph(f"{scope}/{path}" if scope else path, g)

    def constant(self, a):
        v = helper.get_attribute_value(a)
        match a.name:
            case "value":
                return self.describe(v)
            case "sparse_value":
                return self.sparse(v)
        dims = [] if a.name in ("value_float", "value_int", "value_string") else [len(v)]
        d = {"dtype": {"s": "string", "f": "float32", "i": "int64"}[a.name[6]], "dims": dims, "store": "attribute"}
        if a.name.startswith("value_string"):
            return d | {"strings": [s.decode() for s in ([v] if dims == [] else v)]}
        return d | {"hex": np.array(v, np.dtype(d["dtype"])).tobytes().hex()}


def write(folder, scripts, orders):
    """Writes tensors.json. orders has the names in the file's order where that is not protobuf's."""
    lines = []
    for path in sorted(folder.glob("*.onnx")):
        m, r = onnx.load(path, load_external_data=False), Reader(folder)
        r.graph("", m.graph)
        for f in m.functions:
            r.nodes(f"functions/{f.domain}.{f.name}" + (f":{f.overload}" if f.overload else ""), f.node)
        if path.name in orders:
            assert sorted(orders[path.name]) == sorted(t["id"] for t in r.tensors)
            r.tensors.sort(key=lambda t: orders[path.name].index(t["id"]))
        lines.append(f'{json.dumps(path.name)}: [\n' + ",\n".join(map(json.dumps, r.tensors)) + "\n]")
    made_by = {"onnx": onnx.__version__, "numpy": np.__version__, "ml_dtypes": ml_dtypes.__version__}
    made_by |= {f"{s.name} sha256": hashlib.sha256(s.read_bytes()).hexdigest() for s in scripts}
    desc = onnx.onnx_ml_pb2.DESCRIPTOR.serialized_pb
    (folder.parent / "onnx.desc").write_bytes(desc)
    text = f'{{"made_by": {json.dumps(made_by)},\n"files": {{\n' + ",\n".join(lines) + "\n}}\n"
    (folder / "tensors.json").write_text(text)
