"""What the models of make_stores.py are made of: numbers of every dtype, tensors, and protobuf by hand."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node
FLOAT4E2M1 = 23  # ONNX 1.18 and later

# For each dtype its number, the field for its elements, and their bits. Complex numbers are two entries each, 4-bit
# elements one entry each.
FLOAT32 = np.array([0x80000000, 0, 0x7F800000, 0xFF800000, 0x7FC12345, 0x7F812345, 1, 0x007FFFFF, 0x7F7FFFFF,
                    0xFF7FFFFF, 0x3F800000, 0x80000001], np.uint32)
FLOAT64 = np.array([1 << 63, 0, 0x7FF << 52, 0xFFF << 52, 0x7FF8000012345678, 0x7FF4000000000001, 1, (1 << 52) - 1,
                    0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF, 0x3FF << 52, (1 << 63) + 1], np.uint64)
FLOAT16 = np.array([0x8000, 0, 0x7C00, 0xFC00, 0x7E55, 0x7D55, 1, 0x03FF, 0x7BFF, 0xFBFF, 0x3C00], np.uint16)
BFLOAT16 = np.array([0x8000, 0, 0x7F80, 0xFF80, 0x7FD5, 0x7F95, 1, 0x007F, 0x7F7F, 0xFF7F, 0x3F80], np.uint16)
FLOAT8 = np.array([0x80, 0, 0x7F, 0xFF, 0x7E, 0x7D, 0x7C, 0xFC, 0x7B, 1, 7, 0x38, 0x81], np.uint8)
NIBBLES = np.array([*range(16), 5], np.uint8)


def integers(dtype):
    limits = np.iinfo(dtype)
    below = limits.min // 2 - 1 if limits.min else 128
    return np.array([limits.min, limits.max, 0, 1, 127, limits.max // 2, below], dtype)


TYPES = {
    "float32": (TensorProto.FLOAT, "float_data", FLOAT32),
    "float64": (TensorProto.DOUBLE, "double_data", FLOAT64),
    "float16": (TensorProto.FLOAT16, "int32_data", FLOAT16),
    "bfloat16": (TensorProto.BFLOAT16, "int32_data", BFLOAT16),
    "float8e4m3fn": (TensorProto.FLOAT8E4M3FN, "int32_data", FLOAT8),
    "float8e4m3fnuz": (TensorProto.FLOAT8E4M3FNUZ, "int32_data", FLOAT8),
    "float8e5m2": (TensorProto.FLOAT8E5M2, "int32_data", FLOAT8),
    "float8e5m2fnuz": (TensorProto.FLOAT8E5M2FNUZ, "int32_data", FLOAT8),
    "float4e2m1": (FLOAT4E2M1, "int32_data", NIBBLES),
    "int4": (TensorProto.INT4, "int32_data", NIBBLES),
    "uint4": (TensorProto.UINT4, "int32_data", NIBBLES),
    "int8": (TensorProto.INT8, "int32_data", integers(np.int8)),
    "uint8": (TensorProto.UINT8, "int32_data", integers(np.uint8)),
    "int16": (TensorProto.INT16, "int32_data", integers(np.int16)),
    "uint16": (TensorProto.UINT16, "int32_data", integers(np.uint16)),
    "int32": (TensorProto.INT32, "int32_data", integers(np.int32)),
    "uint32": (TensorProto.UINT32, "uint64_data", integers(np.uint32)),
    "int64": (TensorProto.INT64, "int64_data", integers(np.int64)),
    "uint64": (TensorProto.UINT64, "uint64_data", integers(np.uint64)),
    "bool": (TensorProto.BOOL, "int32_data", np.array([1, 0, 1, 1, 0], np.uint8)),
    "complex64": (TensorProto.COMPLEX64, "float_data", FLOAT32[FLOAT32 != 0x7F812345][:10]),
    "complex128": (TensorProto.COMPLEX128, "double_data", FLOAT64[FLOAT64 != 0x7FF4000000000001][:10]),
    "string": (TensorProto.STRING, "string_data", [b"one", b"", "\u00e9\u4e2d".encode(), b"a\x00b", b"x" * 200]),
}


def varint(n):
    out, n = b"", n & 0xFFFFFFFFFFFFFFFF
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(num, value):
    """A protobuf field: an int as varint, bytes with their length in front."""
    if isinstance(value, int):
        return varint(num << 3) + varint(value)
    return varint(num << 3 | 2) + varint(len(value)) + value


def fixed(num, value):
    """One element of an unpacked float_data or double_data."""
    return varint(num << 3 | (5 if len(value) == 4 else 1)) + value


def packed(num, *values):
    return field(num, b"".join(map(varint, values)))


def pack(name, bits):
    if name not in ("int4", "uint4", "float4e2m1"):
        return bits
    bits = np.append(bits, bits[:0] if len(bits) % 2 == 0 else np.uint8(0))
    return bits[0::2] | bits[1::2] << 4


def tensor(name, dtype, store=None, length=None, dims=None, first=0):
    """The first elements of dtype's table, all of them if length is None, as an initializer."""
    number, typed, bits = TYPES[dtype]
    per = 2 if dtype.startswith("complex") else 1
    length = len(bits) // per if length is None else length
    t = TensorProto(name=name, data_type=number, dims=[length] if dims is None else dims)
    if dtype == "string":
        t.string_data.extend(bits[:length])
        return t
    bits = pack(dtype, bits[first * per:(first + length) * per])
    if store == "raw_data":
        t.raw_data = bits.tobytes()
    elif typed in ("float_data", "double_data"):  # a float of Python would not keep every NaN
        t.MergeFromString(field(TensorProto.DESCRIPTOR.fields_by_name[typed].number, bits.tobytes()))
    else:
        getattr(t, typed).extend(bits.tolist())
    return t


def value(name, elem=TensorProto.FLOAT, shape=("n",)):
    return helper.make_tensor_value_info(name, elem, list(shape))


def model(graph, domains=(), functions=(), ir_version=10):
    opsets = [helper.make_opsetid(d, v) for d, v in [("", 21), *domains]]
    return helper.make_model(graph, producer_name="make_stores.py", opset_imports=opsets, functions=list(functions),
                             ir_version=ir_version)


def array(name, values, dtype):
    return numpy_helper.from_array(np.array(values, dtype), name)


def floats(name, *values):
    return array(name, values, np.float32)
