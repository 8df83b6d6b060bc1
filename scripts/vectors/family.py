"""What all families of vectors share: pinned versions, the hash of an entry's own source, and writing its file.

A family is a folder of modules beside this file. A module whose name begins with an underscore holds what several
entries share. Every other module is an entry; its vector file records the hash of the entry's source: its module and,
transitively, the modules _x that it imports with "from FAMILY._x import ...". scripts/vectors/vectors_test.go computes
the same hash, so that it fails for a module that was edited and whose vectors were not made again.
"""

import hashlib
import importlib
import importlib.metadata
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def check_versions(*packages):
    """Exits unless the installed versions are those of requirements.txt: other versions give other last bits."""
    pins = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split() if "==" in line)
    for package in packages:
        installed = importlib.metadata.version(package)
        if installed != pins[package]:
            sys.exit(
                f"{package} {installed} is installed, and vectors are made with {package} {pins[package]}: "
                "pip install -r scripts/vectors/requirements.txt"
            )


def sources(folder, name):
    """The files that an entry is made of: its module, then what it imports of its family."""
    found = [folder / f"{name}.py"]
    for path in found:
        for module in re.findall(rf"^from {folder.name}\.(_\w+) import", path.read_text(), re.MULTILINE):
            if (other := folder / f"{module}.py") not in found:
                found.append(other)
    return found


def digest(folder, name):
    """SHA-256 in hexadecimal over the sorted lines "FILE SHA256-OF-FILE" of the entry's sources."""
    lines = sorted(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in sources(folder, name))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_all(family, target, render, names):
    """Writes target/<entry>.json, the text render(module, digest), for the named entries, or for all.

    An entry whose source has the recorded hash must keep its numbers: where they differ, the cause is the machine
    (another processor or BLAS), and the script exits without having written a file.
    """
    folder = HERE / family
    entries = {
        path.stem.replace("_", "-" if family == "solvers" else "_"): path.stem for path in folder.glob("[a-z]*.py")
    }
    texts = {}
    for name in names or sorted(entries):
        sha = digest(folder, entries[name])
        text = render(importlib.import_module(f"{family}.{entries[name]}"), sha)
        path = ROOT / target / f"{name}.json"
        old = path.read_text() if path.exists() else ""
        if sha in old and text != old:
            sys.exit(
                f"{path.relative_to(ROOT)}: the source is unchanged and the numbers differ: another processor or BLAS"
            )
        texts[path] = text
    for path, text in texts.items():
        path.write_text(text)
