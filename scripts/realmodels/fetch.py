"""Fetches packages and unpacks the models that they bring along."""

import glob
import gzip
import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ENDINGS = (".onnx", ".onnx.data", ".onnx.gz", ".ort")


def lines(name):
    with open(os.path.join(HERE, name)) as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def fetch(cache):
    """Downloads what the cache lacks, and returns pairs of a package with its version and its archive."""
    archives = []
    for package in lines("packages.txt"):
        folder = os.path.join(cache, package)
        if not glob.glob(os.path.join(folder, "*.whl")):
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                            "--dest", folder, package], check=True)
        archives.append((package.replace("==", " "), glob.glob(os.path.join(folder, "*.whl"))[0]))
    for package in lines("packages-npm.txt"):
        folder = os.path.join(cache, package.replace("/", "-"))
        if not glob.glob(os.path.join(folder, "*.tgz")):
            os.makedirs(folder, exist_ok=True)
            subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True)
        name, version = package.rsplit("@", 1)
        archives.append((f"{name} {version}", glob.glob(os.path.join(folder, "*.tgz"))[0]))
    return archives


def members(archive):
    """Yields names and contents of an archive's files."""
    if archive.endswith(".whl"):
        with zipfile.ZipFile(archive) as z:
            for name in z.namelist():
                if name.endswith(ENDINGS):
                    yield name, z.read(name)
        return
    with tarfile.open(archive) as t:
        for member in t:
            if member.isfile() and member.name.endswith(ENDINGS):
                yield member.name, t.extractfile(member).read()


def models(cache):
    """Returns the models of all packages, as tuples of package and version, name in the package, and path; a file that
    several packages have is listed with the first one. The second value is the number of those that were left out."""
    found, seen, again = [], set(), 0
    for package, archive in fetch(cache):
        for name, contents in members(archive):
            path = os.path.join(os.path.dirname(archive), "models", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if name.endswith(".gz"):
                path, contents = path[:-3], gzip.decompress(contents)
            if not os.path.exists(path):
                with open(path, "wb") as f:
                    f.write(contents)
            if path.endswith(".data"):
                continue
            digest = hashlib.sha256(contents).digest()
            again += digest in seen
            if digest not in seen:
                found.append((package, name, path))
            seen.add(digest)
    return found, again
