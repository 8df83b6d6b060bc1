"""Makes data for the inputs that a model declares."""

import numpy as np

SAMPLES = 5
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(int64)": np.int64,
         "tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_, "tensor(string)": np.str_}

# The lengths that free axes are tried with, until onnxruntime runs the model.
LENGTHS = (64, 48, 32, 100, 128, 512, 576, 1280, 3200, 16)

# What the declarations do not say, by the ends of paths: input = a constant; the length of all free axes; a batch of one.
HINTS = {
    "caustic/data/best_v2_carbons.onnx": {"rows": "num_residues", "free": {"num_atoms": 12, "num_edges": 20}},
    "aecmos_models/": {"constant": {"h0": "zeros"}, "batch": 1, "free": {"frames": 8}},
    "plcmos_v2.onnx": {"batch": 1, "free": {"frames": 8}},
    "silero_vad_16k_sequence.onnx": {"constant": {"h": "zeros", "c": "zeros"}},
    "silero_vad_half.onnx": {"free": {"sequence": 576}},
    "silero_vad": {"constant": {"sr": 16000}, "free": {None: 512, "sequence": 512}},
    "vad/": {"constant": {"sr": 16000}, "free": {None: 512, "sequence": 512}},
    "melspectrogram.onnx": {"free": {"samples": 1280}},
    "libtashkeel_model.ort": {},
}


def hint(path):
    return next((h for end, h in HINTS.items() if end in path), {})


def dims(shape):
    """Lengths of axes, and names of free ones; an axis with a negative length is free."""
    return [(d, None) if isinstance(d, int) and d >= 0 else (None, d if isinstance(d, str) else None) for d in shape]


def values(rng, dtype, name, shape):
    lower = name.lower()
    if dtype is np.str_:
        return rng.choice(np.array(["a", "bc", "word"]), shape)
    if "mask" in lower or dtype is np.bool_:
        return np.ones(shape, dtype)
    if "length" in lower and np.issubdtype(dtype, np.integer):
        return np.full(shape, 4, dtype)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(0, 4, shape).astype(dtype)
    return (rng.random(shape) * 0.5).astype(dtype)


class Feed:
    """samples: arrays with the batch axis first, by input; constants: values for wiseft, by input; batch: how many are
    passed at once."""

    def __init__(self, session, path, length):
        h, rng = hint(path), np.random.default_rng(5)
        inputs = session.get_inputs()
        self.samples, self.constants, self.types, self.shapes = {}, {}, {}, {}
        free = lambda name: h.get("free", {}).get(name, length)
        rows = h.get("rows") or next((dims(i.shape)[0] for i in inputs if i.shape and i.name not in h.get("constant", {})), (1, None))
        self.batch = h.get("batch", SAMPLES if isinstance(rows, str) else rows[0] or SAMPLES)
        for i in inputs:
            if i.type not in TYPES:
                raise ValueError(f"input {i.name} is {i.type}")
            dtype, shape = TYPES[i.type], dims(i.shape)
            self.types[i.name], self.shapes[i.name] = dtype, shape
            if i.name in h.get("constant", {}):
                self.constants[i.name] = h["constant"][i.name]
            elif not shape:
                self.constants[i.name] = 1
            elif isinstance(rows, str) and shape[0][1] != rows:
                self.constants[i.name] = values(rng, dtype, i.name, [n if n is not None else free(s) for n, s in shape])
            elif shape[0][0] is not None and shape[0] != rows:
                self.constants[i.name] = "zeros"
            else:
                rest = [n if n is not None else free(s) for n, s in shape[1:]]
                self.samples[i.name] = values(rng, dtype, i.name, (SAMPLES, *rest))

    def arrays(self, first, n):
        """What onnxruntime gets for n samples; a batch of a fixed length is filled up with the last sample."""
        feed = {k: v[np.minimum(np.arange(first, first + n), SAMPLES - 1)] for k, v in self.samples.items()}
        for name, value in self.constants.items():
            if isinstance(value, np.ndarray):
                feed[name] = value
                continue
            shape = [length if length is not None else n for length, _ in self.shapes[name]]
            feed[name] = np.full(shape, 0 if value == "zeros" else value, self.types[name])
        return feed
