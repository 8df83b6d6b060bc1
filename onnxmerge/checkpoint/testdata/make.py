"""Makes the checkpoints of this folder, with what PyTorch reads from them (*.json).

Run from anywhere: python make.py (torch 2.6, safetensors 0.5.3, numpy 1.26).
"""

import argparse
import collections
import io
import json
import os
import pathlib
import pickle
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32, torch.uint64]


def values(n, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(n).astype(np.float32))


def expected(tensors, **more):
    def one(t):
        raw = t.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        return {"type": str(t.dtype).removeprefix("torch."), "dims": list(t.shape), "bytes": raw.hex()}
    return {**more, "tensors": {name: one(t) for name, t in sorted(tensors.items())}}


def write(name, tensors, **more):
    (HERE / f"{name}.json").write_text(json.dumps(expected(tensors, **more), indent=1) + "\n")


def state(seed=0):
    return collections.OrderedDict([("fc.weight", values(6, seed).reshape(2, 3)), ("fc.bias", values(2, seed + 1)),
                                    ("norm.num_batches_tracked", torch.tensor(7))])


def every_dtype():
    small = values(4) * 3
    tensors = {}
    for d in DTYPES:
        whole = (small.abs() * 10).to(torch.int64)
        tensors[str(d).removeprefix("torch.")] = (small if d.is_floating_point else whole).to(d)
    return tensors


def strides():
    a = values(24).reshape(4, 6)
    module = nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(values(6).reshape(2, 3)), module.bias.copy_(values(2))
    return {"whole": a, "transposed": a.t(), "rows": a[1:3], "columns": a[:, 2:5], "every": a[::2, ::3],
            "permuted": values(24).reshape(2, 3, 4).permute(2, 0, 1), "scalar": a[2, 3], "empty": a[:, :0],
            "one": a[:1].expand(1, 6), "parameter": module.weight, "channels_last":
            values(24).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last)}


class Code:
    def __reduce__(self):
        return os.system, ("true",)


def big_endian(source):
    """Rewrites a checkpoint of float32 as a big-endian machine would have saved it."""
    out = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename.endswith("/byteorder"):
                data = b"big"
            elif "/data/" in item.filename and len(data) > 8:
                data = np.frombuffer(data, "<f4").astype(">f4").tobytes()
            elif "/data/" in item.filename:
                data = data[::-1] if len(data) == 8 and item.filename.endswith("/2") else swap4(data)
            new.writestr(item.filename, data)
    return out.getvalue()


def swap4(data):
    return np.frombuffer(data, "<f4").astype(">f4").tobytes()


def recompressed(source):
    out = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item.filename, old.read(item))
    return out.getvalue()


def accepted():
    torch.save(state(), HERE / "plain.pth")
    write("plain", state())
    optimizer = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": values(6)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    training = {"epoch": 3, "base_model": {"module." + k: v for k, v in state(4).items()}, "optimizer": optimizer,
                "ema": state(9), "args": argparse.Namespace(lr=0.1, name="x"), "best": np.float64(0.5), "metrics": {"acc": 0.7},
                "history": [0.1, 0.2], "path": pathlib.Path("a/b")}
    torch.save(training, HERE / "training.pth")
    write("training", state(4), within=["base_model", "module."], skipped=["ema", "optimizer"])
    torch.save({"encoder": state(1), "decoder": state(2)}, HERE / "nested.pth")
    write("nested", {f"{part}.{k}": v for part, s in [("encoder", 1), ("decoder", 2)] for k, v in state(s).items()})
    torch.save(every_dtype(), HERE / "dtypes.pth")
    write("dtypes", every_dtype())
    torch.save(strides(), HERE / "strides.pth")
    write("strides", strides())
    torch.save(state(), HERE / "protocol4.pth", pickle_protocol=4)
    write("protocol4", state())
    (HERE / "big.pth").write_bytes(big_endian(HERE / "plain.pth"))
    write("big", state())
    stored = {k: v for k, v in every_dtype().items() if k not in ("uint16", "uint32", "uint64")}
    stored |= {"scalar": torch.tensor(1.5), "empty": torch.zeros(0, 3)}
    save_file(stored, HERE / "dtypes.safetensors", {"made": "by a test"})
    write("dtypes.safetensors", stored)


def refused():
    out = HERE / "refused"
    torch.save(state(), out / "legacy.pth", _use_new_zipfile_serialization=False)
    module = nn.Linear(3, 2)
    torch.save(module, out / "module.pth")
    torch.jit.save(torch.jit.script(module), out / "script.pt")
    torch.save({"state_dict": state(), "hook": Code()}, out / "code.pth")
    torch.save({"w": values(6).reshape(2, 3).to_sparse()}, out / "sparse.pth")
    torch.save({"w": torch.quantize_per_tensor(values(4), 0.1, 0, torch.qint8)}, out / "quantised.pth")
    torch.save({"w": values(2).expand(1000, 2)}, out / "expanded.pth")
    torch.save(values(3), out / "tensor.pth")
    torch.save({"epoch": 3}, out / "no_tensors.pth")
    (out / "compressed.pth").write_bytes(recompressed(HERE / "plain.pth"))
    with zipfile.ZipFile(out / "other.zip", "w") as z:
        z.writestr("readme.txt", "no checkpoint")
    (out / "plain_pickle.pth").write_bytes(pickle.dumps({"a": 1}))


if __name__ == "__main__":
    accepted()
    refused()
