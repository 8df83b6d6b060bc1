"""Makes the small data files beside it with h5py and numpy.

Run as: python make.py (versions in scripts/vectors/requirements.txt). PCD is written byte by byte,
in the layout of the Point Cloud Library.
"""

import gzip
import hashlib
import io
import json
import os
import pickle
import struct

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
N, P = 6, 16


def clouds(n=N, p=P):
    """Clouds whose value k is k/8 - 3 modulo 7: exact in float32, all different."""
    k = np.arange(n * p * 3)
    return ((k * 5) % 97 / 8 - 3).astype(np.float32).reshape(n, p, 3)


LABELS = np.arange(N) % 3


def path(*parts):
    out = os.path.join(HERE, *parts)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    return out


def h5(name, data=None, label=None, libver=None, **options):
    """options apply to data; label is stored uncompressed."""
    with h5py.File(path("h5", name), "w", libver=libver) as f:
        if data is not None:
            f.create_dataset("data", data=data, **options)
        if label is not None:
            f.create_dataset("label", data=label)


def good_hdf5():
    x, y = clouds(), LABELS
    u8 = y.astype(np.uint8)[:, None]
    h5("contiguous.h5", x, u8)
    h5("chunked_gzip_shuffle.h5", x, u8, chunks=(4, 5, 2), compression="gzip", shuffle=True)
    h5("chunked_plain.h5", x, u8, chunks=(4, 5, 2))
    h5("lzf.h5", np.round(x), u8, chunks=(3, 16, 3), compression="lzf", shuffle=True)
    h5("fletcher32.h5", x, u8, chunks=(4, 16, 3), compression="gzip", fletcher32=True)
    h5("label_int64.h5", x, y.astype(np.int64))
    h5("label_int16_big_endian.h5", x, y.astype(">i2"))
    h5("float64.h5", x.astype(np.float64), u8)
    h5("float32_big_endian.h5", x.astype(">f4"), u8)
    h5("latest.h5", x, u8, libver="latest")
    h5("half.h5", x.astype(np.float16), u8)
    h5("half_big_endian.h5", x.astype(">f2"), u8)
    h5("many_chunks.h5", x, u8, chunks=(1, 1, 1))
    h5("group_cycle.h5", x, u8)
    with h5py.File(path("h5", "group_cycle.h5"), "a") as f:
        f["group/loop"] = f["/"]


def latest_hdf5():
    """A file for each index of chunks that libver="latest" writes, by what decides which one it is."""
    x, u8 = clouds(), LABELS.astype(np.uint8)[:, None]
    latest = {"libver": "latest"}
    gzip = {"compression": "gzip", "shuffle": True}
    h5("latest_single.h5", x, u8, chunks=x.shape, **latest)
    h5("latest_single_gzip.h5", x, u8, chunks=x.shape, **gzip, **latest)
    h5("latest_fixed.h5", x, u8, chunks=(4, 5, 2), **latest)
    h5("latest_fixed_gzip.h5", x, u8, chunks=(4, 5, 2), **gzip, **latest)
    h5("latest_fixed_may_grow.h5", x, u8, chunks=(4, 5, 2), maxshape=(9, 31, 3), **latest)
    h5("latest_extensible.h5", x, u8, chunks=(1, 5, 2), maxshape=(None, 20, 3), **latest)
    h5("latest_extensible_gzip.h5", x, u8, chunks=(1, 16, 3), maxshape=(None, 16, 3), **gzip, **latest)
    h5("latest_extensible_middle.h5", x, u8, chunks=(2, 1, 2), maxshape=(7, None, 3), **latest)
    h5("latest_btree2.h5", x, u8, chunks=(4, 5, 2), maxshape=(None, None, 3), **latest)
    h5("latest_btree2_gzip.h5", x, u8, chunks=(1, 1, 2), maxshape=(None, None, None), **gzip, **latest)
    with h5py.File(path("h5", "latest_implicit.h5"), "w", libver="latest") as f:
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk((4, 5, 2))
        how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        space = h5py.h5s.create_simple(x.shape, (6, 32, 3))
        data = h5py.h5d.create(f.id, b"data", h5py.h5t.IEEE_F32LE, space, how)
        data.write(h5py.h5s.ALL, h5py.h5s.ALL, x)
        f["label"] = u8
    # More chunks than a page of a fixed array has entries (1,024), and super blocks of an extensible one.
    os.makedirs(path("h5_index"), exist_ok=True)
    for name, maxshape in {"fixed_pages.h5": None, "extensible_blocks.h5": (None,)}.items():
        h5("../h5_index/" + name, clouds(1100, 1).reshape(-1)[:1100], chunks=(1,), maxshape=maxshape, **latest)


def linked_hdf5():
    """Soft links, which lead to data sets in other groups, through other links, in a circle, and nowhere."""
    for name, libver in {"soft.h5": None, "soft_latest.h5": "latest"}.items():
        with h5py.File(path("h5", name), "w", libver=libver) as f:
            f["stored/clouds/x"] = clouds()
            f["stored/y"] = LABELS.astype(np.uint8)[:, None]
            f["stored/again"] = h5py.SoftLink("clouds/x")
            f["data"] = h5py.SoftLink("/stored/again")
            f["label"] = h5py.SoftLink("stored/y")
            f["circle"] = h5py.SoftLink("/circle")
            f["nowhere"] = h5py.SoftLink("/stored/nothing")
            f["outside"] = h5py.ExternalLink("other.h5", "/data")


def dense_hdf5():
    """More links than a group's header holds, which are in a fractal heap and indexed by a B-tree: few in one block, some
    in a table of blocks, and so many, with long names, that the table has tables."""
    os.makedirs(path("h5_dense"), exist_ok=True)
    for name, links, length in [("links.h5", 8, 0), ("table.h5", 60, 9), ("tables.h5", 2000, 35)]:
        out = io.BytesIO()
        with h5py.File(out, "w", libver="latest") as f:
            f["group/data"] = clouds()
            f["label"] = LABELS.astype(np.uint8)[:, None]
            for i in range(links):
                f[f"more{i:04}" + "-" * (i % 20 * length)] = h5py.SoftLink("/label")
            f["data"] = h5py.SoftLink("/group/data")
            f["outside"] = h5py.ExternalLink("other.h5", "/data")
        with open(path("h5_dense", name + ".gz"), "wb") as f:
            f.write(gzip.compress(out.getvalue(), mtime=0))


def bad_hdf5():
    x, y = clouds(), LABELS.astype(np.uint8)[:, None]
    nan = x.copy()
    nan[4, 7, 1] = np.nan
    h5("no_label.h5", x)
    h5("bad_no_data.h5", None, y)
    h5("bad_nan.h5", nan, y)
    h5("bad_inf_after_rounding.h5", x.astype(np.float64) * 1e300, y)
    h5("bad_four_columns.h5", np.zeros((N, P, 4), np.float32), y)
    h5("bad_label_count.h5", x, y[:-1])
    h5("bad_label_shape.h5", x, np.concatenate([y, y], 1))
    h5("label_float.h5", x, LABELS.astype(np.float32))
    h5("bad_label_negative.h5", x, LABELS - 2)
    h5("bad_integer_data.h5", np.round(x).astype(np.int32), y)
    h5("bad_scaleoffset.h5", x, y, chunks=(3, 16, 3), scaleoffset=3)
    h5("bad_no_samples.h5", x[:0], y[:0])
    h5("bad_no_points.h5", x[:, :0], y)
    h5("bad_text_labels.h5", x, np.array([b"chair", b"desk"] * 3))
    h5("bad_text_labels_variable.h5", x, ["chair", "desk"] * 3)
    for name, chunks in {"bad_unwritten.h5": None, "bad_unwritten_chunks.h5": (3, 16, 3)}.items():
        with h5py.File(path("h5", name), "w") as f:
            f.create_dataset("data", shape=x.shape, dtype="f4", chunks=chunks)
            f["label"] = y
    with h5py.File(path("h5", "bad_missing_chunks.h5"), "w") as f:
        d = f.create_dataset("data", shape=x.shape, dtype="f4", chunks=(3, 16, 3))
        d[:3] = x[:3]
        f["label"] = y
    with open(path("h5", "contiguous.h5"), "rb") as f:
        whole = f.read()
    with open(path("h5", "bad_truncated.h5"), "wb") as f:
        f.write(whole[: len(whole) // 2])


def check_written():
    """h5py reads what Go's internal/h5 wrote (its test compares the bytes with this file)."""
    with h5py.File(path("written.h5"), "r") as f:
        assert sorted(f) == ["data", "label", "small", "wide"] and f.attrs["origin"] == b"self-made"
        assert f["data"].dtype == "<f4" and f["data"].shape == (2, 2, 3) and f["data"][1, 1, 2] == 11.5
        assert f["label"].dtype == "<i8" and f["label"][:].tolist() == [[7], [-1]]
        assert f["small"].dtype == "u1" and f["small"][:].tolist() == [[0], [1], [255]]
        assert f["wide"].dtype == "<f8" and f["wide"][:].tolist() == [0.1, -2, 1e300]


def hdf5_folder():
    """The layout of modelnet40_ply_hdf5_2048, another machine's paths included."""
    x, y = clouds(), LABELS.astype(np.uint8)[:, None]
    h5("../modelnet/ply_data_train0.h5", x[:2], y[:2], compression="gzip")
    h5("../modelnet/ply_data_train1.h5", x[2:5], y[2:5], compression="gzip")
    h5("../modelnet/ply_data_test0.h5", x[5:], y[5:])
    for split, names in {"train": ["ply_data_train1.h5", "ply_data_train0.h5"], "test": ["ply_data_test0.h5"]}.items():
        with open(path("modelnet", split + "_files.txt"), "w") as f:
            f.writelines(f"data/modelnet/{name}\n" for name in names)
    with open(path("modelnet", "shape_names.txt"), "w") as f:
        f.write("chair\ndesk\nsofa\n")


def npz(name, **arrays):
    np.savez(path("npz", name), **arrays)


def all_npz():
    x, y = clouds(), LABELS
    npz("float32.npz", x=x, y=y)
    npz("float64_uint8.npz", x=x.astype(np.float64), y=y.astype(np.uint8))
    npz("big_endian.npz", x=x.astype(">f4"), y=y.astype(">i4"), classes=np.array(["chair", "désk", "sofa"]))
    np.savez_compressed(path("npz", "compressed_classes.npz"), x=x, y=y, classes=np.array([b"chair", b"desk", b"sofa"]))
    npz("features.npz", x=x.reshape(N, P * 3), y=y)
    npz("bad_count.npz", x=x, y=y[:-1])
    npz("float_labels.npz", x=x, y=y.astype(np.float32))
    npz("fortran.npz", x=np.asfortranarray(x), y=y)
    npz("bad_scalar.npz", x=np.float32(1), y=y)
    npz("bad_class.npz", x=x, y=y + 1, classes=np.array(["a", "b", "c"]))
    nan = x.copy()
    nan[2, 0, 0] = np.inf
    npz("bad_inf.npz", x=nan, y=y)
    names = np.array(["chair", "desk", "sofa"])
    npz("named_labels.npz", x=x, y=names[y], classes=names)
    npz("bad_other_name.npz", x=x, y=names[y], classes=names[:2])
    npz("bad_objects.npz", x=np.array([*x[:5], None], dtype=object), y=y)
    npz("bad_object_labels.npz", x=x, y=np.array([*y[:5], "sofa"], dtype=object))


def npy_folders():
    x, y = clouds(), LABELS
    for part, rows in (("train", slice(0, 4)), ("test", slice(4, 6))):
        os.makedirs(path("npy_folder", part), exist_ok=True)
        np.save(path("npy_folder", part, "x.npy"), x[rows])
        np.save(path("npy_folder", part, "y.npy"), y[rows])


def pickles():
    """Few-shot splits as ModelNetFewshot has them, Point-MAE's cache, and what must be refused."""
    x = np.concatenate([clouds(), np.zeros_like(clouds())], 2)
    split = lambda rows, dtype: [(x[i].astype(dtype), int(LABELS[i]), int(LABELS[i]) + 7) for i in rows]
    files = {
        "fewshot.pkl": {"train": split(range(4), "f4"), "test": split(range(4, 6), "f8")},
        "cache.dat": [[x[i].astype(np.float32) for i in range(N)], [np.array([LABELS[i]], np.int32) for i in range(N)]],
        "scalars.pkl": [[x[i].astype(">f4") for i in range(N)], [np.int64(LABELS[i]) for i in range(N)]],
        "bad_call.pkl": {"train": os.system},
        "bad_object.pkl": {"train": [(np.array([None]), 1)]},
        "bad_shape.pkl": {"train": [(x[0, :, :2], 1)]},
        "bad_label.pkl": {"train": [(x[0], "chair")]},
    }
    for name, value in files.items():
        with open(path("pickle", name), "wb") as f:
            pickle.dump(value, f)
    with open(path("pickle", "protocol3.pkl"), "wb") as f:
        pickle.dump(files["fewshot.pkl"], f, protocol=3)


def lzf_literals(data):
    """LZF with literal runs and, where 40 equal bytes follow, one copy."""
    out, i = bytearray(), 0
    while i < len(data):
        if i and data[i : i + 40] == bytes([data[i - 1]]) * 40:
            out += bytes([7 << 5, 40 - 9, 0])
            i += 40
            continue
        run = data[i : i + 32]
        for k in range(1, len(run)):
            if data[i + k : i + k + 40] == bytes([data[i + k - 1]]) * 40:
                run = run[:k]
                break
        out += bytes([len(run) - 1]) + run
        i += len(run)
    return bytes(out)


def pcd(name, header, body):
    with open(path("pcd", name), "wb") as f:
        f.write(("# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\n" + header).encode() + body)


def pcd_header(fields, size, types, n, data):
    ones = " ".join("1" for _ in fields.split())
    return (
        f"FIELDS {fields}\nSIZE {size}\nTYPE {types}\nCOUNT {ones}\nWIDTH {n}\nHEIGHT 1\n"
        f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS {n}\nDATA {data}\n"
    )


def all_pcd():
    x = clouds(5, P)
    text = "".join(" ".join(f"{v:.6g}" for v in p) + "\n" for p in x[0])
    pcd("chair/test/a_ascii.pcd", pcd_header("x y z", "4 4 4", "F F F", P, "ascii"), text.encode())
    pcd("chair/test/b_binary.pcd", pcd_header("x y z", "4 4 4", "F F F", P, "binary"), x[1].tobytes())
    mixed = b"".join(struct.pack("<dBdxxxxd", p[2], 9, p[0], p[1]) for p in x[2].astype(np.float64))
    header = pcd_header("z label x _ y", "8 1 8 1 8", "F U F U F", P, "binary").replace("COUNT 1 1 1 1 1", "COUNT 1 1 1 4 1")
    pcd("desk/test/c_mixed.pcd", header, mixed)
    flat = np.concatenate([x[3], np.zeros((P, 1), np.float32)], 1).T.copy().tobytes()
    packed = lzf_literals(flat)
    pcd(
        "desk/test/d_compressed.pcd",
        pcd_header("x y z i", "4 4 4 4", "F F F F", P, "binary_compressed"),
        struct.pack("<II", len(packed), len(flat)) + packed,
    )
    pcd("sofa/train/e_train.pcd", pcd_header("x y z", "4 4 4", "F F F", P, "binary"), x[4].tobytes())
    for split, cls, i in [("train", "chair", 0), ("test", "desk", 1), ("test", "sofa", 2)]:
        pcd(f"../pcd_by_split/{split}/{cls}/a.pcd", pcd_header("x y z", "4 4 4", "F F F", P, "binary"), x[i].tobytes())


def unit_sphere(pc):
    """pc_normalize as PointNet's and ModelNet-C's code have it."""
    pc = pc - np.mean(pc, axis=0)
    return pc / np.max(np.sqrt(np.sum(pc**2, axis=1)))


def unit_box(pc):
    """normalize as ModelNet40-C's code has it."""
    pc = pc.copy()
    for a in range(3):
        pc[:, a] -= (np.max(pc[:, a]) + np.min(pc[:, a])) / 2
    pc *= 2.0 / max(np.max(pc[:, a]) - np.min(pc[:, a]) for a in range(3))
    return pc


def farthest_points(pc, m):
    """farthest_point_sample as PointNet++'s code has it, started at point 0."""
    chosen, distance, last = [], np.full(len(pc), np.inf, np.float32), 0
    for _ in range(m):
        chosen.append(last)
        distance = np.minimum(distance, np.sum((pc - pc[last]) ** 2, -1))
        last = int(np.argmax(distance))
    return pc[chosen]


def farthest_of_many():
    """SHA-256 of 1,024 farthest points of 8,192, whose coordinates are multiples of 1/8192 between -1 and 1."""
    k = np.arange(8192 * 3, dtype=np.int64)
    pc = ((k * 40503 % 16384 - 8192) / 8192).astype(np.float32).reshape(8192, 3)
    pc[:, 2] *= pc[:, 0]
    return hashlib.sha256(farthest_points(pc, 1024).astype("<f4").tobytes()).hexdigest()


def cloud_vectors():
    """The kernels of cloud.go in numpy, as bits of float32."""
    pc = clouds(1, 48)[0] * np.array([1, 0.3, 0.7], np.float32)
    out = {"input": pc, "unit-sphere": unit_sphere(pc), "unit-box": unit_box(pc), "fps": farthest_points(pc, 12)}
    assert all(v.dtype == np.float32 for v in out.values())
    with open(path("cloud.json"), "w") as f:
        json.dump({"numpy": np.__version__, "fps-8192": farthest_of_many(), **{k: v.ravel().view(np.uint32).tolist() for k, v in out.items()}}, f)
        f.write("\n")


if __name__ == "__main__":
    cloud_vectors()
    good_hdf5()
    latest_hdf5()
    linked_hdf5()
    dense_hdf5()
    bad_hdf5()
    check_written()
    hdf5_folder()
    all_npz()
    npy_folders()
    pickles()
    all_pcd()
