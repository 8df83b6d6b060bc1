"""Small models with several inputs and inputs of every type, data for them, and what onnxruntime and NumPy compute.

text_pretrained.onnx and text_finetuned.onnx are a sentence encoder, the second one trained on a toy task: which of three
groups of tokens is the most frequent.
"""

import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto as T, helper as h, numpy_helper

WIDTH, VOCABULARY, LENGTH, CLASSES = 8, 40, 12, 3
rng = np.random.default_rng(7)


def weights(shape, scale=0.5):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def save(folder, name, inputs, outputs, nodes, tensors=(), opset=17, domains=()):
    graph = h.make_graph(
        nodes, "g", [h.make_tensor_value_info(*i) for i in inputs], [h.make_tensor_value_info(*o) for o in outputs],
        [numpy_helper.from_array(v, k) for k, v in tensors])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset), *domains], ir_version=8, producer_name="")
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(folder, name))


def run(folder, name, output, feed):
    session = onnxruntime.InferenceSession(os.path.join(folder, name), providers=["CPUExecutionProvider"])
    return session.run([output], feed)[0]


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.words = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.types = torch.nn.Embedding(2, WIDTH)
        self.query, self.key, self.value = (torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.up, self.down = torch.nn.Linear(WIDTH, 16), torch.nn.Linear(16, WIDTH)
        self.norm = torch.nn.LayerNorm(WIDTH)

    def forward(self, ids, mask, types):
        x = self.words(ids) + self.types(types)
        scores = self.query(x) @ self.key(x).transpose(1, 2) / WIDTH**0.5 + (1 - mask.float())[:, None] * -1e4
        x = x + torch.softmax(scores, -1) @ self.value(x)
        return self.norm(x + self.down(torch.relu(self.up(x))))


def export_text(folder, name, m):
    linear = lambda l: np.ascontiguousarray(l.weight.detach().numpy().T)
    tensors = [("words.weight", m.words.weight.detach().numpy()), ("types.weight", m.types.weight.detach().numpy()),
               ("query.weight", linear(m.query)), ("key.weight", linear(m.key)), ("value.weight", linear(m.value)),
               ("up.weight", linear(m.up)), ("up.bias", m.up.bias.detach().numpy()), ("down.weight", linear(m.down)),
               ("down.bias", m.down.bias.detach().numpy()), ("norm.weight", m.norm.weight.detach().numpy()),
               ("norm.bias", m.norm.bias.detach().numpy()), ("scale", np.float32(WIDTH**-0.5)),
               ("one", np.float32(1)), ("far", np.float32(-1e4)), ("axis", np.array([1], np.int64))]
    nodes = [
        h.make_node("Gather", ["words.weight", "input_ids"], ["w"]), h.make_node("Gather", ["types.weight", "token_type_ids"], ["t"]),
        h.make_node("Add", ["w", "t"], ["x"]),
        *[h.make_node("MatMul", ["x", f"{n}.weight"], [n]) for n in ("query", "key", "value")],
        h.make_node("Transpose", ["key"], ["keys"], perm=[0, 2, 1]), h.make_node("MatMul", ["query", "keys"], ["raw"]),
        h.make_node("Mul", ["raw", "scale"], ["scaled"]), h.make_node("Cast", ["attention_mask"], ["kept"], to=T.FLOAT),
        h.make_node("Sub", ["one", "kept"], ["left"]), h.make_node("Mul", ["left", "far"], ["low"]),
        h.make_node("Unsqueeze", ["low", "axis"], ["bias"]), h.make_node("Add", ["scaled", "bias"], ["biased"]),
        h.make_node("Softmax", ["biased"], ["attention"], axis=-1), h.make_node("MatMul", ["attention", "value"], ["context"]),
        h.make_node("Add", ["x", "context"], ["mixed"]), h.make_node("MatMul", ["mixed", "up.weight"], ["u"]),
        h.make_node("Add", ["u", "up.bias"], ["ub"]), h.make_node("Relu", ["ub"], ["r"]),
        h.make_node("MatMul", ["r", "down.weight"], ["d"]), h.make_node("Add", ["d", "down.bias"], ["db"]),
        h.make_node("Add", ["mixed", "db"], ["sum"]),
        h.make_node("LayerNormalization", ["sum", "norm.weight", "norm.bias"], ["last_hidden_state"], axis=-1),
    ]
    save(folder, name, [(n, T.INT64, ["batch", "length"]) for n in ("input_ids", "attention_mask", "token_type_ids")],
         [("last_hidden_state", T.FLOAT, ["batch", "length", WIDTH])], nodes, tensors)


def sentences(n, seed):
    """Tokens 1 to 39, of which a class has every third; half of the tokens of a sentence are of its class."""
    r = np.random.default_rng(seed)
    y = np.arange(n) % CLASSES
    ids, mask = np.zeros((n, LENGTH), np.int64), np.zeros((n, LENGTH), np.int64)
    for i in range(n):
        length = r.integers(5, LENGTH + 1)
        tokens = r.integers(1, VOCABULARY, length)
        own = r.random(length) < 0.5
        tokens[own] = 1 + y[i] + CLASSES * r.integers(0, 13, own.sum())
        ids[i, :length], mask[i, :length] = tokens, 1
    types = (np.arange(LENGTH) >= 6).astype(np.int64) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types, "y": y}


def text(folder):
    m = Encoder()
    export_text(folder, "text_pretrained.onnx", m)
    data = sentences(300, 1)
    args = [torch.from_numpy(data[k]) for k in ("input_ids", "attention_mask", "token_type_ids")]
    head, labels = torch.nn.Linear(WIDTH, CLASSES), torch.from_numpy(data["y"])
    optimizer = torch.optim.Adam([*m.parameters(), *head.parameters()], 0.02)
    kept = args[1][..., None].float()
    for _ in range(60):
        pooled = (m(*args) * kept).sum(1) / kept.sum(1)
        loss = torch.nn.functional.cross_entropy(head(pooled), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    export_text(folder, "text_finetuned.onnx", m)
    for part, n, seed in (("train", 48, 2), ("val", 24, 3), ("test", 24, 4)):
        np.savez_compressed(os.path.join(folder, f"text_{part}.npz"), **sentences(n, seed))
    test = sentences(24, 4)
    feed = {k: v for k, v in test.items() if k != "y"}
    x = run(folder, "text_finetuned.onnx", "last_hidden_state", feed).astype(np.float64)
    mask = test["attention_mask"]
    first, last = mask.argmax(1), LENGTH - 1 - mask[:, ::-1].argmax(1)
    rows = np.arange(len(x))
    cases = []
    pooled = {"mean": (x * mask[..., None]).sum(1) / mask.sum(1)[:, None], "max": np.where(mask[..., None] > 0, x, -np.inf).max(1),
              "cls": x[rows, first], "last": x[rows, last]}
    # Padding on the left, arrays of other names and types.
    left = {k: v[:, ::-1].copy() for k, v in feed.items()}
    np.savez_compressed(os.path.join(folder, "text_left.npz"), ids=left["input_ids"].astype(np.int32),
                        attention_mask=left["attention_mask"].astype(np.float32), types=left["token_type_ids"].astype(np.uint8))
    xl = run(folder, "text_finetuned.onnx", "last_hidden_state", left).astype(np.float64)
    ml = left["attention_mask"]
    renamed = {"input_ids": "ids", "token_type_ids": "types"}
    cases += [{"model": "text_finetuned.onnx", "data": "text_test.npz", "pool": mode, "mask": "attention_mask", "want": want}
              for mode, want in pooled.items()]
    # One file a sentence, without padding, in folders by class.
    order = [i for c in range(CLASSES) for i in range(9) if test["y"][i] == c]
    for i in order:
        os.makedirs(os.path.join(folder, "sentences", f"class{test['y'][i]}"), exist_ok=True)
        np.savez_compressed(os.path.join(folder, "sentences", f"class{test['y'][i]}", f"{i}.npz"),
                            **{k: v[i, :mask[i].sum()] for k, v in feed.items()})
    cases.append({"model": "text_finetuned.onnx", "data": "sentences", "pool": "mean", "mask": "attention_mask",
                  "want": pooled["mean"][order]})
    cases += [{"model": "text_finetuned.onnx", "data": "text_left.npz", "inputs": renamed, "pool": mode, "mask": "attention_mask",
               "want": want} for mode, want in (("cls", xl[rows, ml.argmax(1)]), ("last", xl[rows, -1]))]
    return cases


def towers(folder):
    tensors = [("conv", weights((4, 3, 3, 3))), ("word", weights((20, 4))), ("project", weights((4, 4)))]
    nodes = [h.make_node("Conv", ["pixel_values", "conv"], ["c"]), h.make_node("GlobalAveragePool", ["c"], ["g"]),
             h.make_node("Flatten", ["g"], ["f"]), h.make_node("MatMul", ["f", "project"], ["image_embeds"]),
             h.make_node("Gather", ["word", "input_ids"], ["w"]), h.make_node("ReduceMean", ["w"], ["text_embeds"], axes=[1], keepdims=0),
             h.make_node("Concat", ["image_embeds", "text_embeds"], ["joint"], axis=1)]
    save(folder, "towers.onnx", [("input_ids", T.INT64, ["text_batch", 5]), ("pixel_values", T.FLOAT, ["image_batch", 3, 8, 8])],
         [("image_embeds", T.FLOAT, ["image_batch", 4]), ("text_embeds", T.FLOAT, ["text_batch", 4]), ("joint", T.FLOAT, ["batch", 8])],
         nodes, tensors)
    np.save(os.path.join(folder, "classes.npy"), np.random.default_rng(9).standard_normal((3, 4)).astype(np.float32))
    pixels, ids = rng.random((10, 3, 8, 8)).astype(np.float32), rng.integers(0, 20, (10, 5))
    np.savez_compressed(os.path.join(folder, "pairs.npz"), pixel_values=pixels, input_ids=ids.astype(np.int16), extra=np.zeros(3))
    np.savez_compressed(os.path.join(folder, "pixels.npz"), x=pixels)
    feed = {"pixel_values": pixels, "input_ids": ids}
    fixed = dict(feed, input_ids=np.repeat([[1, 2, 3, 4, 5]], 10, 0))
    want = {name: run(folder, "towers.onnx", name, feed) for name in ("joint", "image_embeds", "text_embeds")}
    return [{"model": "towers.onnx", "data": "pairs.npz", "tensor": name, "want": want[name]} for name in want] + [
        {"model": "towers.onnx", "data": "pixels.npz", "tensor": "image_embeds", "want": want["image_embeds"]},
        {"model": "towers.onnx", "data": "pixels.npz", "tensor": "joint", "constants": {"input_ids": "[1,2,3,4,5]"},
         "want": run(folder, "towers.onnx", "joint", fixed)}]


def detector(folder):
    """Half precision in and out, and the scale that a detector takes beside the image."""
    half = lambda a: a.astype(np.float16)
    nodes = [h.make_node("Conv", ["image", "conv"], ["c"]), h.make_node("GlobalMaxPool", ["c"], ["g"]),
             h.make_node("Flatten", ["g"], ["f"]), h.make_node("Cast", ["scale_factor"], ["s"], to=T.FLOAT16),
             h.make_node("Concat", ["f", "s"], ["boxes"], axis=1)]
    save(folder, "detector.onnx", [("image", T.FLOAT16, ["N", 3, 6, 6]), ("scale_factor", T.FLOAT, ["N", 2])],
         [("boxes", T.FLOAT16, ["N", 6])], nodes, [("conv", half(weights((4, 3, 3, 3))))])
    image, scale = rng.random((9, 3, 6, 6)).astype(np.float32), rng.random((9, 2)).astype(np.float32)
    np.savez_compressed(os.path.join(folder, "scenes.npz"), image=image, scale_factor=scale)
    np.savez_compressed(os.path.join(folder, "bytes.npz"), image=(image * 255).astype(np.uint8))
    with_scale = lambda image, scale: run(folder, "detector.onnx", "boxes", {"image": half(image), "scale_factor": scale})
    return [{"model": "detector.onnx", "data": "scenes.npz", "want": with_scale(image, scale), "half": True},
            {"model": "detector.onnx", "data": "scenes.npz", "tensor": "f", "want": with_scale(image, scale)[:, :4], "half": True},
            {"model": "detector.onnx", "data": "bytes.npz", "constants": {"scale_factor": "0.5"}, "half": True,
             "want": with_scale((image * 255).astype(np.uint8), np.full((9, 2), 0.5, np.float32))},
            {"model": "detector.onnx", "data": "bytes.npz", "constants": {"scale_factor": "[0.5, 2]"}, "half": True,
             "want": with_scale((image * 255).astype(np.uint8), np.repeat([[0.5, 2]], 9, 0).astype(np.float32))}]


def audio(folder):
    """A recurrent state whose second axis is the batch, a sample rate, and a cache that begins empty."""
    nodes = [h.make_node("MatMul", ["input", "w"], ["f"]), h.make_node("ReduceSum", ["state", "zero"], ["s"], keepdims=0),
             h.make_node("ReduceSum", ["cache", "one"], ["c"], keepdims=0), h.make_node("Add", ["f", "s"], ["fs"]),
             h.make_node("Add", ["fs", "c"], ["fsc"]), h.make_node("Cast", ["sr"], ["rate"], to=T.FLOAT),
             h.make_node("Div", ["rate", "base"], ["factor"]), h.make_node("Mul", ["fsc", "factor"], ["scaled"]),
             h.make_node("Mul", ["scaled", "gain"], ["output"])]
    tensors = [("w", weights((16, 4))), ("zero", np.array([0])), ("one", np.array([1])), ("base", np.float32(8000)), ("gain", np.float32([2]))]
    save(folder, "audio.onnx",
         [("input", T.FLOAT, ["batch", 16]), ("state", T.FLOAT, [2, "batch", 4]), ("cache", T.FLOAT, ["batch", "past", 4]),
          ("sr", T.INT64, []), ("gain", T.FLOAT, [1])], [("output", T.FLOAT, ["batch", 4])], nodes, tensors)
    sound, state = weights((11, 16)), weights((2, 1, 4))
    np.savez_compressed(os.path.join(folder, "sound.npz"), input=sound.astype(np.float64), y=np.arange(11) % 2)
    other = np.random.default_rng(8).standard_normal((6, 16)).astype(np.float32)
    np.savez_compressed(os.path.join(folder, "sound_test.npz"), input=other, y=np.arange(6) % 2)
    np.save(os.path.join(folder, "state.npy"), state)
    feed = {"input": sound, "cache": np.zeros((11, 0, 4), np.float32), "sr": np.array(16000)}
    zeros = dict(feed, state=np.zeros((2, 11, 4), np.float32))
    start = {"state": "zeros", "cache": "zeros", "sr": "16000"}
    return [{"model": "audio.onnx", "data": "sound.npz", "constants": start, "want": run(folder, "audio.onnx", "output", zeros)},
            {"model": "audio.onnx", "data": "sound.npz", "constants": dict(start, state="state.npy", gain="3"),
             "want": run(folder, "audio.onnx", "output", dict(feed, state=np.repeat(state, 11, 1), gain=np.float32([3])))}]


def pixels(folder):
    """Images as bytes, in batches of a fixed length that does not divide the data."""
    nodes = [h.make_node("Cast", ["image"], ["x"], to=T.FLOAT), h.make_node("Transpose", ["x"], ["nchw"], perm=[0, 3, 1, 2]),
             h.make_node("Div", ["nchw", "most"], ["unit"]), h.make_node("Conv", ["unit", "conv"], ["c"]),
             h.make_node("GlobalAveragePool", ["c"], ["g"]), h.make_node("Flatten", ["g"], ["features"])]
    save(folder, "bytes.onnx", [("image", T.UINT8, [4, 5, 5, 3])], [("features", T.FLOAT, [4, 6])], nodes,
         [("most", np.float32(255)), ("conv", weights((6, 3, 3, 3)))])
    image = rng.integers(0, 256, (10, 5, 5, 3))
    np.savez_compressed(os.path.join(folder, "images.npz"), x=image.astype(np.float64), y=np.arange(10) % 3)
    padded = np.concatenate([image, image[-1:], image[-1:]]).astype(np.uint8)
    want = np.concatenate([run(folder, "bytes.onnx", "features", {"image": padded[i:i + 4]}) for i in (0, 4, 8)])[:10]
    return [{"model": "bytes.onnx", "data": "images.npz", "want": want}]


TYPES = {"float64": T.DOUBLE, "int8": T.INT8, "int16": T.INT16, "int32": T.INT32, "int64": T.INT64, "uint8": T.UINT8,
         "uint16": T.UINT16, "uint32": T.UINT32, "uint64": T.UINT64, "bool": T.BOOL, "float16": T.FLOAT16, "bfloat16": T.BFLOAT16}


def types(folder):
    """An input of every type that onnxruntime takes, text too, cast to float32 side by side; as NPZ and as a folder."""
    names = list(TYPES)
    nodes = [h.make_node("Cast", [n], [n + "_f"], to=T.FLOAT) for n in names]
    nodes += [h.make_node("LabelEncoder", ["text"], ["text_f"], domain="ai.onnx.ml", keys_strings=["a", "bc", "\u00e9"],
                          values_floats=[1.0, 2.0, 3.0], default_float=-1.0),
              h.make_node("Concat", [n + "_f" for n in [*names, "text"]], ["features"], axis=1)]
    save(folder, "types.onnx", [*[(n, t, ["batch", 2]) for n, t in TYPES.items()], ("text", T.STRING, ["batch", 1])],
         [("features", T.FLOAT, ["batch", 2 * len(names) + 1])], nodes, domains=[h.make_opsetid("ai.onnx.ml", 3)])
    values = {}
    for n in names:
        if n == "bool":
            values[n] = rng.random((7, 2)) < 0.5
        elif "float" in n:
            values[n] = np.round(rng.standard_normal((7, 2)) * 8) / 4
            values[n] = values[n].astype("float32" if n == "bfloat16" else n)
        else:
            values[n] = rng.integers(0 if n[0] == "u" else -100, 100, (7, 2)).astype(n)
    values["text"] = np.array(["a", "bc", "\u00e9", "none", "a", "bc", ""])[:, None]
    np.savez_compressed(os.path.join(folder, "types.npz"), **values)
    os.makedirs(os.path.join(folder, "types"))
    for n, v in values.items():
        np.save(os.path.join(folder, "types", n + ".npy"), v if v.dtype.kind == "U" else v.astype(v.dtype.newbyteorder(">")))
    codes = np.array([{"a": 1, "bc": 2, "\u00e9": 3}.get(t, -1) for t in values["text"][:, 0]])
    want = np.concatenate([*[values[n].astype(np.float32) for n in names], codes[:, None]], 1)
    return [{"model": "types.onnx", "data": "types.npz", "want": want}, {"model": "types.onnx", "data": "types", "want": want}]


def recurrent(folder):
    """Time first and samples along the second axis, a state whose batch axis has no name, an input that nothing needs, and a
    model of one text at a time whose tensor has no batch axis."""
    tensors = [("w", weights((1, 4, 3))), ("r", weights((1, 4, 4)))]
    nodes = [h.make_node("Transpose", ["x"], ["steps"], perm=[2, 0, 1]),
             h.make_node("RNN", ["steps", "w", "r"], ["hidden", "last"], hidden_size=4),
             h.make_node("Squeeze", ["hidden", "one"], ["logits"])]
    save(folder, "recurrent.onnx", [("x", T.FLOAT, ["batch", 3, 5]), ("rate", T.INT64, [])],
         [("logits", T.FLOAT, [5, "batch", 4]), ("last", T.FLOAT, [1, "batch", 4])], nodes, [*tensors, ("one", np.array([1]))])
    x, state = weights((9, 3, 5)), np.zeros((2, 9, 4), np.float32)
    np.savez_compressed(os.path.join(folder, "steps.npz"), x=x, y=np.arange(9) % 2)
    logits = run(folder, "recurrent.onnx", "logits", {"x": x, "rate": np.array(1)}).swapaxes(0, 1).astype(np.float64)
    save(folder, "state.onnx", [("x", T.FLOAT, [None, 3, 5]), ("state", T.FLOAT, [2, None, 4])], [("out", T.FLOAT, [None, 4])],
         [h.make_node("ReduceSum", ["x", "last_axis"], ["sum"], keepdims=0), h.make_node("Gemm", ["sum", "project"], ["projected"]),
          h.make_node("ReduceSum", ["state", "first_axis"], ["past"], keepdims=0), h.make_node("Add", ["projected", "past"], ["out"])],
         [("last_axis", np.array([2])), ("first_axis", np.array([0])), ("project", weights((3, 4)))])
    save(folder, "single.onnx", [("tokens", T.INT64, [1, "length"])], [("embedded", T.FLOAT, ["length", 6])],
         [h.make_node("Gather", ["words", "tokens"], ["rows"]), h.make_node("Squeeze", ["rows", "first_axis"], ["embedded"])],
         [("words", weights((20, 6))), ("first_axis", np.array([0]))])
    tokens = rng.integers(0, 20, (6, 7))
    np.savez_compressed(os.path.join(folder, "tokens.npz"), tokens=tokens, y=np.arange(6) % 2)
    # Declares two axes, and gives three.
    save(folder, "misdeclared.onnx", [("x", T.FLOAT, [1, 3, 5]), ("target", T.INT64, ["axes"])], [("out", T.FLOAT, [1, "length"])],
         [h.make_node("Reshape", ["x", "target"], ["out"])])
    scores = np.stack([run(folder, "single.onnx", "embedded", {"tokens": t[None]}) for t in tokens]).astype(np.float64)
    return [{"model": "recurrent.onnx", "data": "steps.npz", "tensor": "logits", "constants": {"rate": "16000"}, "idle": 1, "batch_axis": 1,
             "want": logits.reshape(9, -1)},
            {"model": "recurrent.onnx", "data": "steps.npz", "tensor": "logits", "pool": "mean", "batch_axis": 1, "want": logits.mean(1)},
            {"model": "recurrent.onnx", "data": "steps.npz", "tensor": "last", "batch_axis": 1, "want": logits[:, -1]},
            {"model": "state.onnx", "data": "steps.npz", "constants": {"state": "zeros"},
             "want": run(folder, "state.onnx", "out", {"x": x, "state": state})},
            {"model": "misdeclared.onnx", "data": "steps.npz", "constants": {"target": "[5,1,3]"}, "pool": "mean", "batch_axis": -1,
             "want": x.reshape(9, 5, 3).astype(np.float64).mean(2)},
            {"model": "single.onnx", "data": "tokens.npz", "pool": "mean", "batch_axis": -1, "want": scores.mean(1)},
            {"model": "single.onnx", "data": "tokens.npz", "pool": "flatten", "batch_axis": -1, "want": scores.reshape(6, -1)}]


def cases(folder):
    made = text(folder) + towers(folder) + detector(folder) + audio(folder) + pixels(folder) + types(folder) + recurrent(folder)
    for c in made:
        c["want"] = [[float(str(np.float32(v))) for v in row] for row in c["want"]]
    return made
