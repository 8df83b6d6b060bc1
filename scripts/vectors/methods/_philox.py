import hashlib

import numpy as np


def uniform(seed, tensor, model, shape):
    """numpy has the generator itself; it counts up before it draws."""
    digest = hashlib.sha256(seed.to_bytes(8, "little") + model.to_bytes(8, "little") + tensor.encode()).digest()
    k0, k1, c2, c3 = (int.from_bytes(digest[8 * i : 8 * i + 8], "little") for i in range(4))
    n = int(np.prod(shape))
    before = ((c3 << 192) + (c2 << 128) - 1) % (1 << 256)
    raw = np.random.Philox(key=k0 + (k1 << 64), counter=before).random_raw((n + 7) // 8 * 4)
    return raw.astype("<u8").view("<u4")[:n].reshape(shape) / 2.0**32
