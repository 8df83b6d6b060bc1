"""Runs the commands of CHECKPOINTS.md, read from the document itself, on stand-ins of the published files.

    python scripts/replicate/check_checkpoints.py --wiseft PROGRAM [--folder FOLDER] [--only WORD]

The stand-ins have the published structure and sizes, with random weights and few random clouds: what is checked is
that every command runs and that the table has the promised rows, not a figure. The commands run as they are written.
The dry run is of the whole experiment; the run is of three alphas. With --only, exports and pairs without WORD, such
as OBJ_BG, are left out. Needs about 2 GiB of disk.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import stand_ins

HERE = Path(__file__).resolve().parent
DOCUMENT, EXPERIMENT = HERE / "CHECKPOINTS.md", HERE / "scanobjectnn.yaml"
ALPHAS = ("alphas: 0:1:0.1", "alphas: [0, 0.5, 1]")  # as written, and as run
ROWS = ("PT", "FT", "LP-only", "WiSE-FT", "WiSE-FT-LP")
COLUMNS = ("clean", "mn40: SVM recon", "mn40: SVM point-m2ae")


def commands(text):
    """The lines of the document's sh blocks, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def exports(lines):
    """(architecture, configuration, checkpoint, model) of each export command."""
    pattern = r"export\.py (\S+) --config (\S+) --checkpoint (\S+) -o (\S+)"
    return [m.groups() for m in (re.search(pattern, line) for line in lines) if m]


def only(word, lines, experiment):
    """The commands and the experiment without the fine-tuned models and pairs that lack the word."""
    head, pairs = experiment.split("pairs:\n")
    kept = [pair for pair in re.split(r"(?=^  - name: )", pairs, flags=re.M) if word in pair.partition("\n")[0]]
    if not kept:
        sys.exit(f"{EXPERIMENT.name} has no pair with {word!r} in its name")
    experiment = head + "pairs:\n" + "".join(kept)
    gone = {model for *_, model in exports(lines) if model not in experiment}
    if "ReCon OBJ_BG" not in experiment:
        gone.add("run/01-ReCon-OBJ_BG")
    return [line for line in lines if not gone & set(line.split())], experiment


def prepare(folder, lines, experiment):
    """Writes what a user would have: checkpoints, data, and the experiment's document."""
    for architecture, config, path, model in exports(lines):
        stand_ins.checkpoint(folder / path, architecture, config, "pretrained" in Path(model).name)
    for key, classes, seed in (("train", 15, 1), ("test", 5, 2)):
        for path in sorted(set(re.findall(rf"^    {key}: (\S+)$", experiment, re.M))):
            stand_ins.scanobjectnn(folder / path, classes, seed)
    for path in set(re.findall(r"data: ([^,}\s]+)", experiment)):
        stand_ins.modelnet40(folder / path, 3, {"train": 2, "test": 1})
    (folder / EXPERIMENT.name).write_text(experiment)


def run(line, folder, program):
    path = [str(program.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    env = os.environ | {"REPO": str(HERE.parent.parent), "PATH": os.pathsep.join(path)}
    print(f"$ {line}", flush=True)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=folder, env=env, text=True,
                          stdout=subprocess.PIPE)
    print(done.stdout, flush=True)
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}: {line}")
    return done.stdout


def check_table(folder, experiment):
    """Every pair has a table of its own with the rows of the paper and figures of the target and the transfer set."""
    table = (folder / "run" / "table.txt").read_text()
    groups = re.findall(r"^    group: (.+)$", experiment, re.M)
    wrong = [f"no table of {group}" for group in groups if f"\n{group}\n" not in "\n" + table]
    for row in ROWS:
        found = len(re.findall(rf"^ *{re.escape(row)} .*\d", table, re.M))
        if found < len(groups):
            wrong.append(f"{found} rows {row} for {len(groups)} pairs")
    wrong += [f"no column {column}" for column in COLUMNS if column not in table]
    if wrong:
        sys.exit("; ".join(wrong))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--wiseft", required=True, type=Path, help="the program; its name must be wiseft")
    p.add_argument("--folder", type=Path, help="an empty folder that is kept (default: a temporary one)")
    p.add_argument("--only", help="only the pairs with this WORD in their names")
    args = p.parse_args()
    if args.wiseft.name != "wiseft" or not args.wiseft.exists():
        sys.exit(f"{args.wiseft}: no program called wiseft")
    lines, experiment = commands(DOCUMENT.read_text()), EXPERIMENT.read_text()
    if len(exports(lines)) != 8 or not any(line.startswith("wiseft experiment") for line in lines):
        sys.exit(f"{DOCUMENT}: expected eight exports and an experiment in its sh blocks, found {len(lines)} commands")
    if ALPHAS[0] not in experiment:
        sys.exit(f"{EXPERIMENT}: has no {ALPHAS[0]!r}")
    if args.only:
        lines, experiment = only(args.only, lines, experiment)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, lines, experiment)
        for line in lines:
            if line.startswith("wiseft experiment") and "--dry-run" not in line:
                (folder / EXPERIMENT.name).write_text(experiment.replace(*ALPHAS))
            run(line, folder, args.wiseft.resolve())
        check_table(folder, experiment)
    print(f"{len(lines)} commands ran")


if __name__ == "__main__":
    main()
