"""Features and labels as other tools write them: NPY pairs, NPZ, CSV, TSV and Parquet.

Values that NumPy and pyarrow read back are what must be read.
"""

import csv
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N, D = 8, 3
LABELS = np.array([0, 2, 1, 1, 0, 2, 2, 0])
NAMES = np.array(["ant", "bee", "c, d"])


def features(d=D):
    return np.random.default_rng(5).normal(size=(N, d))


def cases(folder):
    found = []

    def add(name, labels, x=None, _input="", _target="", _note="", classes=None):
        x = np.asarray(features() if x is None else x, np.float32)
        found.append({"file": name, "input": _input, "target": _target, "note": _note, "dim": x.shape[1],
                      "x": x.astype(float).ravel().tolist(), "labels": np.asarray(labels).tolist(), "classes": classes})

    text = "3 names in alphabetical order"
    csv_cases(folder, add, text)
    parquet_cases(folder, add, text)
    x, y = features().astype(np.float32), LABELS
    path = lambda name: os.path.join(folder, name)
    np.save(path("X.npy"), x)
    np.save(path("half.npy"), x.astype(np.float16))
    np.save(path("fortran.npy"), np.asfortranarray(features()))
    np.save(path("y.npy"), y)
    np.save(path("names.npy"), NAMES[y])
    add("X.npy", y, _target="y.npy")
    add("X.npy", y, _target="names.npy", _note=text, classes=NAMES.tolist())
    add("half.npy", y, x.astype(np.float16), _target="y.npy")
    add("fortran.npy", y, _target="y.npy")
    np.savez(path("embeddings.npz"), embeddings=x, targets=NAMES[y])
    add("embeddings.npz", y, _note="samples are the array embeddings, labels targets", classes=NAMES.tolist())
    np.savez(path("two.npz"), text=x, image=x + 1, label=y.astype(np.float32)[:, None])
    add("two.npz", y, x, _input="text", _note="not used: image")
    np.savez(path("one_hot.npz"), x=x, y=np.eye(3)[y])
    add("one_hot.npz", y, _note="rows of 3 with a single 1")
    np.savez(path("x_alone.npz"), x=x)
    add("x_alone.npz", y, _target="y.npy", _note="labels are those of ")
    return found


def csv_cases(folder, add, text):
    x, y = features(), LABELS

    def write(name, rows, delimiter=",", head=None, encoding="utf-8", end="\r\n"):
        with open(os.path.join(folder, name), "w", newline="", encoding=encoding) as f:
            w = csv.writer(f, delimiter=delimiter, lineterminator=end)
            w.writerows(([head] if head else []) + rows)
        # The text must be what NumPy reads the values from.
        return name

    plain = [[*map(repr, map(float, row)), int(label)] for row, label in zip(x, y)]
    words = [[*row[:-1], NAMES[row[-1]]] for row in plain]
    numbered = [[i, *row] for i, row in enumerate(plain)]
    head = ["f0", "f1", "f2"]
    add(write("label.csv", plain, head=[*head, "label"]), y, _note="features are 3 columns, f0 to f2, labels label")
    add(write("target.tsv", plain, "\t", head=[*head, "target"]), y)
    add(write("semicolon.csv", plain, ";", head=[*head, "Class"]), y)
    add(write("text_label.csv", words, head=[*head, "kind"]), y, _note=text, classes=NAMES.tolist())
    add(write("bom.csv", plain, head=[*head, "y"], encoding="utf-8-sig"), y)
    add(write("lf.csv", plain, head=[*head, "y"], end="\n"), y)
    add(write("pandas_index.csv", numbered, head=["", *head, "label"]), y, _note="not used: the one without a name")
    add(write("pandas_numbers.csv", numbered, head=["", 0, 1, 2, "label"]), y, _note="features are 3 columns, 0 to 2")
    add(write("id.csv", numbered, head=["id", *head, "label"]), y, _note="not used: id")
    add(write("no_heading.csv", plain), y, _target="4", _note="there is no heading, so columns are numbered from 1")
    add(write("no_heading_words.csv", words), y, _note=text, classes=NAMES.tolist())
    add(write("two_labels.csv", [[*r, 1] for r in plain], head=[*head, "label", "target"]), y, _target="label",
        x=np.c_[x, np.ones(N)], _note="features are 4 columns")
    add("two_labels.csv", y, _target="label", _input="f*", _note="not used: target")
    add("label.csv", y, x[:, 1:2], _input="f1")
    comma = [[*(v.replace(".", ",") for v in row[:-1]), row[-1]] for row in plain]
    add(write("decimal_comma.csv", comma, ";", head=[*head, "label"]), y)
    lists = [[str(row[:-1]).replace("'", ""), NAMES[row[-1]]] for row in plain]
    add(write("json_list.csv", lists, head=["embedding", "name"]), y, _note=text, classes=NAMES.tolist())
    spaces = [[str(np.array(row, np.float32)), int(label)] for row, label in zip(x, y)]
    printed = np.array([[float(v) for v in s[0].strip("[]").split()] for s in spaces])
    add(write("numpy_list.csv", spaces, head=["embedding", "label"]), y, printed)
    add(write("whole_float_labels.csv", [[*r[:-1], float(r[-1])] for r in plain], head=[*head, "label"]), y)
    add(write("features_alone.csv", [r[:-1] for r in plain], head=head), y, _target="y.npy", _note="labels those of ")


def parquet_cases(folder, add, text):
    x, y = features(), LABELS
    x32 = x.astype(np.float32)

    def write(name, columns, **options):
        pq.write_table(pa.table(columns), os.path.join(folder, name), **options)
        return name

    lists = lambda dtype: pa.array(x.astype(dtype).tolist(), pa.list_(pa.from_numpy_dtype(dtype)))
    base = {"embedding": lists(np.float32), "label": y}
    add(write("list.parquet", base), y, _note="features are the column embedding, labels label")
    for codec in ["none", "gzip", "zstd", "lz4"]:
        add(write(f"{codec}.parquet", base, compression=codec), y)
    for version in ["1.0", "2.0"]:
        add(write(f"page_{version}.parquet", base, data_page_version=version), y)
    add(write("groups.parquet", base, row_group_size=3), y)
    add(write("pages.parquet", base, data_page_size=16, write_batch_size=2), y)
    add(write("plain.parquet", base, use_dictionary=False), y)
    add(write("split.parquet", base, use_dictionary=False, use_byte_stream_split=["embedding.list.element"]), y)
    add(write("double.parquet", {"embedding": lists(np.float64), "label": y}), y)
    half = pa.array([list(map(np.float16, row)) for row in x], pa.list_(pa.float16()))
    add(write("half.parquet", {"embedding": half, "label": y}), y, x.astype(np.float16))
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(x32.ravel()), D)
    add(write("fixed.parquet", {"vector": fixed, "target": y.astype(np.int8)}), y)
    large = pa.array(x32.tolist(), pa.large_list(pa.float32()))
    add(write("large.parquet", {"embeddings": large, "y": pa.array(NAMES[y], pa.large_string())}), y, _note=text,
        classes=NAMES.tolist())
    add(write("category.parquet", {"embedding": lists(np.float32), "label": pa.array(NAMES[y]).dictionary_encode()}), y,
        _note=text, classes=NAMES.tolist())
    columns = {f"f{i}": x32[:, i] for i in range(D)}
    add(write("columns.parquet", {"id": np.arange(N), **columns, "label": y}), y, _note="not used: id")
    add("columns.parquet", y, x[:, :2], _input="f[01]")
    add(write("integers.parquet", {"codes": pa.array((x * 10).astype(int).tolist()), "label": y}), y, (x * 10).astype(int))
    add(write("bool.parquet", {"embedding": lists(np.float32), "label": y > 0}), (y > 0).astype(int))
    add(write("float_label.parquet", {"embedding": lists(np.float32), "label": y.astype(np.float64)}), y)
    add(write("two_lists.parquet", {"image": lists(np.float32), "extra": lists(np.float64), "label": y}), y,
        _note="features are the column image, labels label; not used: extra")
    add("two_lists.parquet", y, _input="extra")
    add(write("more.parquet", {"path": pa.array([f"{i}.png" for i in range(N)]), **base,
                               "when": pa.array([i for i in range(N)], pa.timestamp("s"))}), y, _note="not used: path, when")
    add(write("no_label.parquet", {"embedding": lists(np.float32)}), y, _target="y.npy", _note="labels those of ")
