"""Makes the data files beside it that hold one cloud or mesh each, and folders of corrupted data, with
Open3D 0.19.0, trimesh 5.2.0, h5py 3.16.0, Pillow 11.1.0
and numpy 2.4.6.

Run as: python make_files.py. Where a tool cannot write a variant (PLY of big-endian byte order, meshes with the
broken first line of ModelNet40), the bytes are written here, in the layout that its documentation gives.
"""

import os
import struct

import h5py
import numpy as np
import open3d as o3d
import trimesh
from PIL import Image

from make import HERE, LABELS, P, clouds, path

X = clouds()


def o3d_cloud(points):
    return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(np.float64)))


def all_ply():
    o3d.io.write_point_cloud(path("ply", "chair", "a_ascii.ply"), o3d_cloud(X[0]), write_ascii=True)
    o3d.io.write_point_cloud(path("ply", "chair", "b_little.ply"), o3d_cloud(X[1]))
    header = (
        "ply\nformat binary_big_endian 1.0\ncomment by hand\nelement skipped 2\nproperty list uchar short many\n"
        f"element vertex {P}\nproperty uchar red\nproperty float z\nproperty float x\nproperty double y\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    )
    body = struct.pack(">BhhB", 2, 7, -7, 0) + b"".join(struct.pack(">Bffd", 9, p[2], p[0], p[1]) for p in X[2])
    with open(path("ply", "desk", "c_big.ply"), "wb") as f:
        f.write(header.encode() + body + struct.pack(">Biii", 3, 0, 1, 2))
    with open(path("ply", "sofa", "d_trimesh.ply"), "wb") as f:
        f.write(trimesh.Trimesh(vertices=X[3], faces=[[0, 1, 2]], process=False).export(file_type="ply"))


def all_xyz():
    np.savetxt(path("xyz", "test", "chair", "a.xyz"), X[0], fmt="%.9g")
    np.savetxt(path("xyz", "test", "desk", "b.csv"), X[1], fmt="%.9g", delimiter=",", header="x,y,z", comments="")
    o3d.io.write_point_cloud(path("xyz", "train", "sofa", "c.xyz"), o3d_cloud(X[2]))


def pcd_of_open3d():
    for name, options in {
        "a_ascii": {"write_ascii": True},
        "b_binary": {},
        "c_compressed": {"compressed": True},
    }.items():
        i = "abc".index(name[0])
        o3d.io.write_point_cloud(path("pcd_open3d", "chair", name + ".pcd"), o3d_cloud(X[i]), **options)


def meshes():
    box = trimesh.creation.box(extents=[2, 4, 6])
    with open(path("off", "chair", "test", "a_trimesh.off"), "w") as f:
        f.write(trimesh.exchange.off.export_off(box))
    with open(path("off", "desk", "test", "b_glued.off"), "w") as f:
        lines = ["OFF8 6 12"] + [f"{x} {y} {z}" for x in (-1, 1) for y in (-2, 2) for z in (-3, 3)]
        lines += ["4 0 1 3 2 0.5 0.5 0.5 # grey", "4 4 5 7 6", "4 0 1 5 4", "4 2 3 7 6", "4 0 2 6 4", "4 1 3 7 5"]
        f.write("\n".join(lines) + "\n")
    with open(path("obj", "chair", "a_trimesh.obj"), "w") as f:
        f.write(trimesh.exchange.obj.export_obj(box))
    with open(path("obj", "desk", "b_backwards.obj"), "w") as f:
        lines = ["# corners backwards"] + [f"v {x} {y} {z}" for x in (-1, 1) for y in (-2, 2) for z in (-3, 3)]
        lines += ["vn 0 0 1", "f -8//1 -7//1 -5//1 -6//1", "f 5/1/1 6/1/1 8/1/1 7/1/1", "f 1 2 6 5", "f 3 4 8 7", "f 1 3 7 5", "f 2 4 8 6"]
        f.write("\n".join(lines) + "\n")


def modelnet_text():
    """The layout of modelnet40_normal_resampled."""
    names = ["chair", "desk", "night_stand"]
    for prefix in ("modelnet10", "modelnet40"):
        with open(path("modelnet_text", f"{prefix}_shape_names.txt"), "w") as f:
            f.write("\n".join(names if prefix == "modelnet40" else names[:1]) + "\n")
        for split, rows in {"train": [0, 1], "test": [2]}.items():
            with open(path("modelnet_text", f"{prefix}_{split}.txt"), "w") as f:
                f.write("\n".join(f"{names[i]}_{i + 1:04d}" for i in rows) + "\n")
    for i, name in enumerate(names):
        rows = np.concatenate([X[i], np.zeros_like(X[i])], 1)
        np.savetxt(path("modelnet_text", name, f"{name}_{i + 1:04d}.txt"), rows, fmt="%.6f", delimiter=",")


def scanobjectnn():
    for split, rows in {"training": slice(0, 4), "test": slice(4, 6)}.items():
        with h5py.File(path("scanobjectnn", f"{split}_objectdataset.h5"), "w") as f:
            f["data"], f["label"] = X[rows], LABELS[rows].astype(np.int32)
            f["mask"] = np.full((len(X[rows]), P), -1, np.int32)


def images():
    """Gradients of 6 x 4 pixels: red by column, green by row, blue constant; as PNG with and without alpha, and JPEG."""
    rows, columns = np.mgrid[0:4, 0:6]
    rgb = np.stack([columns * 40, rows * 60, np.full_like(rows, 128)], 2).astype(np.uint8)
    Image.fromarray(rgb).save(path("images", "train", "cat", "a.png"))
    Image.fromarray(np.dstack([rgb, np.full((4, 6), 255, np.uint8)])).save(path("images", "test", "cat", "b.png"))
    Image.fromarray(rgb.repeat(8, 0).repeat(8, 1)).save(path("images", "test", "dog", "c.jpg"), quality=95)


def corrupted():
    """Clean clouds and one corruption of five severities, of which each has one point less."""
    y = LABELS.astype(np.int64)[:, None]
    for level in range(-1, 5):
        data = X[:, : P - 1 - level]
        with h5py.File(path("modelnet_c", "clean.h5" if level < 0 else f"dropout_global_{level}.h5"), "w") as f:
            f["data"], f["label"] = data if level % 2 else data.astype(np.float64), y
        name = "data_original" if level < 0 else f"data_cutout_{level + 1}"
        np.save(path("modelnet40_c", name + ".npy"), data if level % 2 else data.astype(np.float64))
    np.save(path("modelnet40_c", "label.npy"), y.astype(np.uint8))


if __name__ == "__main__":
    os.chdir(HERE)
    all_ply()
    all_xyz()
    pcd_of_open3d()
    meshes()
    modelnet_text()
    scanobjectnn()
    images()
    corrupted()
