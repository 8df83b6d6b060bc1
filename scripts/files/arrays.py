"""NPZ and NPY files as people store them: arrays by other names, labels of every kind.

Every case says which values NumPy reads as samples, and which classes the labels are.
"""

import os

import h5py
import numpy as np

N = 6
LABELS = np.array([2, 0, 1, 1, 0, 2])
NAMES = np.array(["chair", "desk", "sofa"])


def samples(shape=(N, 4), offset=0, dtype=np.float32):
    return ((np.arange(np.prod(shape)) * 5 + offset) % 97 / 8 - 3).reshape(shape).astype(dtype)


# Files that are written as HDF5, too.
HDF5 = ["data_label.npz", "points_labels.npz", "X_y.npz", "splits.npz", "medmnist_like.npz", "two.npz", "unsure.npz", "no_labels.npz",
        "float16.npz", "float64.npz", "int8.npz", "uint16.npz", "labels_whole_floats.npz", "labels_float_column.npz",
        "labels_one_hot.npz", "labels_sign.npz"]


def write_hdf5(path, arrays):
    """In chunks and compressed, or not, by turns; in either byte order."""
    with h5py.File(path, "w", libver="latest" if "s" in os.path.basename(path) else "earliest") as f:
        for i, (name, array) in enumerate(arrays.items()):
            stored = array if i % 2 else array.astype(array.dtype.newbyteorder(">"))
            f.create_dataset(name, data=stored, **({"chunks": True, "compression": "gzip", "shuffle": True} if i % 2 else {}))


def cases(folder):
    """Writes the files and returns what must be read from each."""
    found = []

    def add(name, x, labels, /, _classes=None, _note="", _split="", _samples="", _target="", **arrays):
        path, names = os.path.join(folder, name), [name]
        if name.endswith(".npz"):
            (np.savez_compressed if "compressed" in name else np.savez)(path, **arrays)
        if name in HDF5:
            write_hdf5(path.replace(".npz", ".h5"), arrays)
            names.append(name.replace(".npz", ".h5"))
        for name in names:
            found.append({
                "file": name, "split": _split, "samples": _samples, "target": _target, "note": _note,
                "x": np.asarray(x, np.float32).ravel().tolist(), "shape": list(np.shape(x))[1:],
                "labels": np.asarray(labels).tolist(), "classes": _classes,
            })

    x, y = samples(), LABELS
    clouds = samples((N, 5, 3))
    for a, b in [("data", "label"), ("points", "labels"), ("X", "y"), ("features", "labels"), ("embeddings", "targets"),
                 ("Embeddings", "Target"), ("feats", "class_id"), ("arr_0", "arr_1"), ("codes", "ids")]:
        add(f"{a}_{b}.npz", x, y, _note=f"samples are the array {a}, labels {b}", **{a: x, b: y})
    add("modelnet_like.npz", clouds, y, _note="samples are the array data, labels label; not used: faceId, normal",
        data=clouds, label=y.astype(np.uint8)[:, None], normal=-clouds, faceId=np.zeros((N, 5), np.int32))
    splits = {"X_train": x, "y_train": y, "X_test": samples(offset=7)[:4], "y_test": y[:4]}
    add("splits.npz", x, y, _split="train", _note="samples are the array X_train, labels y_train", **splits)
    add("splits.npz", splits["X_test"], y[:4], _split="test", _note="samples are the array X_test, labels y_test", **splits)
    medmnist = {"train_images": samples((N, 3, 3), dtype=np.uint8), "train_labels": y.astype(np.uint8)[:, None],
                "val_images": samples((2, 3, 3), 9, np.uint8), "val_labels": y.astype(np.uint8)[:2, None]}
    medmnist = {k: np.abs(v) for k, v in medmnist.items()}
    add("medmnist_like.npz", medmnist["train_images"], y, _split="train",
        _note="samples are the array train_images, labels train_labels", **medmnist)
    add("medmnist_like.npz", medmnist["val_images"], y[:2], _split="validation",
        _note="samples are the array val_images, labels val_labels", **medmnist)
    add("one_split.npz", x, y, _note="samples are the array xtrain, labels ytrain", xtrain=x, ytrain=y)
    two = {"image": x, "text": samples(offset=3), "label": y}
    add("two.npz", x, y, _note="samples are the array image, labels label; not used: text", **two)
    add("two.npz", two["text"], y, _samples="text", _note="samples are the array text, labels label; not used: image", **two)
    odd = {"a": x, "b": samples(offset=3), "p": y, "q": y[::-1].copy()}
    add("unsure.npz", odd["b"], odd["q"], _samples="b", _target="q", _note="samples are the array b, labels q; not used: a, p",
        **odd)
    add("no_labels.npz", x, [-1] * N, _note="samples are the array embeddings, which has no labels", embeddings=x)
    add("x_alone.npz", x, [-1] * N, _note="samples are the array x, which has no labels", x=x)
    for dtype in ["float16", "float64", "int8", "uint8", "int16", "int32", "int64", "uint16", "bool"]:
        v = np.abs(samples()).astype(dtype)
        add(f"{dtype}.npz", v, y, x=v, y=y)
    text = "labels are text, whose 3 names in alphabetical order are the classes"
    one = "labels are rows of 3 with a single 1, whose place is the class"
    for name, stored, note, classes in [
        ("whole_floats", y.astype(np.float64), "", None), ("half_floats", y.astype(np.float16), "", None),
        ("column", y[:, None], "", None), ("float_column", y[:, None].astype(np.float32), "", None),
        ("unicode", NAMES[y], text, NAMES.tolist()), ("bytes", NAMES[y].astype("S"), text, NAMES.tolist()),
        ("text_column", NAMES[y][:, None], text, NAMES.tolist()),
        ("one_hot", np.eye(3)[y], one, None), ("one_hot_int", np.eye(3, dtype=np.int64)[y], one, None),
        ("one_hot_bool", np.eye(3, dtype=bool)[y], one, None),
        ("one_hot_fortran", np.asfortranarray(np.eye(3, dtype=np.float32)[y]), one, None),
    ]:
        add(f"labels_{name}.npz", x, y, _classes=classes, _note=note, x=x, y=stored)
    add("labels_sign.npz", x, y > 0, _classes=["-1", "1"], _note="labels -1 and 1 are the classes 0 and 1", x=x,
        y=np.where(y > 0, 1, -1))
    add("labels_bool.npz", x, y > 0, x=x, y=y > 0)
    add("compressed_text.npz", x, y, _classes=NAMES.tolist(), _note=text, data=x, label=NAMES[y])
    add("named.npz", x, y, _classes=NAMES.tolist(), _note="samples are the array data, labels label",
        data=x, label=y, label_names=NAMES)

    np.save(os.path.join(folder, "X_train.npy"), x)
    np.save(os.path.join(folder, "y_train.npy"), y)
    add("X_train.npy", x, y, _note="labels are those of ")
    np.save(os.path.join(folder, "embeddings.npy"), x.astype(np.float16))
    np.save(os.path.join(folder, "names.npy"), NAMES[y])
    np.save(os.path.join(folder, "hot.npy"), np.eye(3)[y])
    with open(os.path.join(folder, "names.txt"), "w") as f:
        f.write("\n".join(NAMES[y]) + "\n")
    with open(os.path.join(folder, "numbers.txt"), "w") as f:
        f.write("\r\n".join(str(v) for v in y) + "\r\n")
    half = x.astype(np.float16)
    add("embeddings.npy", half, y, _classes=NAMES.tolist(), _target="names.npy", _note=text)
    add("embeddings.npy", half, y, _target="hot.npy", _note=one)
    add("embeddings.npy", half, y, _classes=NAMES.tolist(), _target="names.txt", _note=text)
    add("embeddings.npy", half, y, _target="numbers.txt", _note="labels are those of ")
    add("embeddings.npy", half, [-1] * N, _note="has no labels")
    add("x_alone.npz", x, y, _target="y_train.npy", _note="labels are those of ", x=x)
    return found
