"""Measures with the command what alignment and repair bring to the networks of train.py. Prints Markdown tables.

    python scripts/barrier/measure.py barrier DIR...   # two networks trained apart, and the path between them
    python scripts/barrier/measure.py carry DIR...     # a fine-tune carried to a new release of its base
    python scripts/barrier/measure.py tune DIR...      # a base and its fine-tune, with a probe and under corruption
    python scripts/barrier/measure.py pair PRETRAINED FINETUNED TRAIN -- --test TEST ...   # the same for any pair

DIR are folders that train.py wrote, one for each seed. TRAIN is data for probes and repair; what follows -- are flags of wiseft
sweep. --wiseft names the program.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

KINDS = "digits", "clouds"
ALPHAS = 0, 0.25, 0.5, 0.75, 1
REPAIR_DRAWS = range(1, 4)
MATCHING_DRAWS = range(1, 6)
MISMATCH = 4  # the exit code of models that do not match


class Refused(Exception):
    """A command that failed, with its exit code."""

    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


class Command:
    """The program wiseft, run in a folder for its outputs."""

    def __init__(self, path, work):
        self.path, self.work = path, pathlib.Path(work)

    def run(self, *args):
        """Returns the command's JSON document."""
        line = [self.path, *map(str, args), "--json", "--quiet"]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode:
            raise Refused(f"{' '.join(line)}\n{done.stdout}{done.stderr}", done.returncode)
        return json.loads(done.stdout)

    def merge(self, name, *args):
        """Writes a merged model and returns its path."""
        path = self.work / f"{name}.onnx"
        self.run("merge", *args, "-o", path, "--force")
        return path

    def sweep(self, *args):
        """Returns the models of a sweep by (alpha, repaired), and its controls."""
        document = self.run("sweep", *args, "-o", self.work / "run", "--force")
        models = {(m["alpha"], m.get("repaired", False)): m for m in document["models"]}
        return models, document["controls"]

    def own_heads(self, files, test):
        """Returns the accuracy of each model's own head in percent."""
        document = self.run("bench", *files, "--head", "own", "--output", "logits", "--suite", "none", "--test", test,
                            "-o", self.work / "run", "--force")
        return [100 * m["clean"]["oa"] for m in document["models"]]


def spread(values, digits=1):
    """Writes the mean and, of several values, their standard deviation."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def table(head, rows):
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


# --- two networks trained apart ---------------------------------------------------------------------------------------

def path_between(wiseft, folder, *flags):
    """Returns (accuracy in percent, loss) by (alpha, repaired) of the own heads between base and apart, and of their
    averaged answers by (alpha, "answers")."""
    models, controls = wiseft.sweep(folder / "base.onnx", folder / "apart.onnx", "--alphas", ",".join(map(str, ALPHAS)),
                                    "--head", "own", "--output", "logits", "--suite", "none",
                                    "--test", folder / "base_test.npz", *flags)
    figures = {key: m["clean"] for key, m in models.items()}
    figures |= {(c["alpha"], "answers"): c["clean"] for c in controls}
    return {key: (100 * m["oa"], m["nll"]) for key, m in figures.items()}


def barrier_row(name, paths, column):
    """One row: accuracy at each alpha, loss at .5, and how far both are from the line between the ends at .5."""
    def at(alpha):
        return [p.get((alpha, column), p.get((alpha, False))) for p in paths]

    accuracy = [spread([a for a, _ in at(alpha)]) for alpha in ALPHAS]
    middle, first, last = at(0.5), at(0), at(1)
    falls = [(a0 + a1) / 2 - a for (a, _), (a0, _), (a1, _) in zip(middle, first, last)]
    rises = [x - (x0 + x1) / 2 for (_, x), (_, x0), (_, x1) in zip(middle, first, last)]
    return [name, *accuracy, spread([x for _, x in middle], 2), spread(falls), spread(rises, 2)]


def barrier_rows(wiseft, folders):
    """The rows over one or several pairs, with all draws of each."""
    def paths(draws, *flags):
        return [path_between(wiseft, f, "--seed", d, *[str(x).format(folder=f) for x in flags])
                for f in folders for d in draws]

    data = "{folder}/base_train.npz"
    linear = paths([0], "--norm-statistics", "linear")
    plain = paths(REPAIR_DRAWS, "--repair", data)
    weights = paths(MATCHING_DRAWS, "--repair", data, "--align", "weights")
    activations = paths(MATCHING_DRAWS, "--repair", data, "--align", "activations")
    return [
        barrier_row("linear", linear, False),
        barrier_row("deviations mixed", plain[:: len(REPAIR_DRAWS)], False),
        barrier_row("repair", plain, True),
        barrier_row("aligned by weights", weights, False),
        barrier_row("aligned by activations", activations, False),
        barrier_row("aligned by weights, repair", weights, True),
        barrier_row("aligned by activations, repair", activations, True),
        barrier_row("averaged answers (two models)", linear, "answers"),
    ]


def barrier(wiseft, folders):
    head = ["path from base to apart", *[f"{a:g}" for a in ALPHAS], "loss at .5", "accuracy barrier", "loss barrier"]
    for kind in KINDS:
        print(f"**{kind}**, the pair of the first seed:\n")
        table(head, barrier_rows(wiseft, [folders[0] / kind]))
        if len(folders) > 1:
            print(f"**{kind}**, pairs of {len(folders)} seeds:\n")
            table(head, barrier_rows(wiseft, [f / kind for f in folders]))


# --- a fine-tune carried to a new release -----------------------------------------------------------------------------

def aligned_pairs(wiseft, folder, release, seed):
    """Returns base and tuned in the order of the release, by the name of the way. The base is aligned with the release
    and the fine-tune with the aligned base, because the task vector needs one order for both: the last way shows why.
    """
    base, tuned = folder / "base.onnx", folder / "tuned.onnx"
    data = {"weights": [], "activations": ["--align-data", folder / "base_train.npz"]}

    def align(model, to, by):
        return wiseft.merge(file_name(f"{model.stem} to {to.stem} {by}"), model, to, "--alpha", 0, "--align", by,
                            "--seed", seed, *data[by])

    pairs = {}
    for by in data:
        moved = align(base, release, by)
        pairs[f"aligned by {by}: "] = moved, align(tuned, moved, "weights")
    pairs["aligned by weights, each by itself: "] = align(base, release, "weights"), align(tuned, release, "weights")
    return pairs


def carried(wiseft, name, base, tuned, release, repair):
    """Returns the models that carry tuned - base to a release, by the name of their row. None stands for a repair whose
    goal would be a negative deviation."""
    made = {}
    corrections = {"": [], ", deviations mixed": ["--norm-statistics", "std"], ", repair": repair,
                   ", reset": [*repair, "--repair-mode", "reset"]}
    for scale in 1, 0.5:
        for correction, flags in corrections.items():
            row = f"{name}release + {scale:g} (tuned - base){correction}"
            try:
                made[row] = wiseft.merge(file_name(row), base, tuned, release, "--method", "task_arithmetic",
                                         "--param", f"weight={scale},1", *flags)
            except Refused as refused:
                if refused.code != MISMATCH or flags != repair:
                    raise
                made[row] = None
    return made


def adapted(wiseft, base, tuned, release, repair):
    """Returns the release with its statistics reset on the target's data: what carried models gain by a reset alone. A
    reset leaves a model that is no mix as it is, so that a ten-thousandth of the task vector is added."""
    row = "release, reset"
    return {row: wiseft.merge(file_name(row), base, tuned, release, "--method", "task_arithmetic",
                              "--param", "weight=1e-4,1", *repair, "--repair-mode", "reset")}


def interpolated(wiseft, name, tuned, release, repair):
    """Returns models between tuned and release, by the name of their row, which has the share of the release."""
    made = {}
    for alpha in 0.25, 0.5:
        for correction, flags in {"": [], ", repair": repair}.items():
            row = f"{name}interpolation, {alpha:g} of the release{correction}"
            made[row] = wiseft.merge(file_name(row), tuned, release, "--alpha", alpha, "--norm-statistics", "std",
                                     *flags)
    return made


def file_name(row):
    return "".join(c if c.isalnum() else "_" for c in row)


def answers(wiseft, tuned, release, tests):
    """Returns the accuracies on the tests of two models' averaged answers in percent, by the name of their row."""
    found = {}
    for test in tests:
        _, controls = wiseft.sweep(tuned, release, "--alphas", "0,0.25,0.5,1", "--head", "own", "--output", "logits",
                                   "--suite", "none", "--test", test)
        for c in controls:
            row = f"averaged answers, {c['alpha']:g} of the release (two models)"
            found.setdefault(row, []).append(100 * c["clean"]["oa"])
    return found


def carry_rows(wiseft, folder, release_name, seed):
    """Returns (target, base) accuracies in percent by the name of the row."""
    base, tuned, release = (folder / f"{n}.onnx" for n in ("base", "tuned", release_name))
    repair = ["--repair", folder / "target_train.npz", "--seed", seed]
    made = {"release": release, "tuned": tuned} | adapted(wiseft, base, tuned, release, repair)
    made |= interpolated(wiseft, "", tuned, release, repair)
    made |= carried(wiseft, "", base, tuned, release, repair)
    if release_name == "apart":
        for name, pair in aligned_pairs(wiseft, folder, release, seed).items():
            made |= interpolated(wiseft, name, pair[1], release, repair)
            made |= carried(wiseft, name, *pair, release, repair)
    tests = [folder / f"{domain}_test.npz" for domain in ("target", "base")]
    files = [f for f in made.values() if f]
    figures = dict(zip(files, zip(*(wiseft.own_heads(files, test) for test in tests))))
    rows = {row: figures.get(file) for row, file in made.items()}
    return rows | answers(wiseft, tuned, release, tests)


def carry(wiseft, folders):
    for kind in KINDS:
        for release in "release", "apart":
            print(f"**{kind}**, to {release}.onnx, {len(folders)} seeds:\n")
            found = [carry_rows(wiseft, f / kind, release, i + 1) for i, f in enumerate(folders)]
            table(["model", "target", "base"], [carry_row(row, [f[row] for f in found]) for row in found[0]])


def carry_row(row, figures):
    """Writes the accuracies of one row; where some are None, how many."""
    there = [f for f in figures if f]
    if len(there) < len(figures):
        row += f" (refused {len(figures) - len(there)} times of {len(figures)}: a negative goal)"
    return [row, *(spread([f[k] for f in there]) if there else "-" for k in range(2))]


# --- a base and its fine-tune -----------------------------------------------------------------------------------------

# Corruptions of each kind: those for clouds, and the noises of the suite for images, whose blurs are made for larger
# images than 8 x 8.
CORRUPTIONS = {"clouds": ["--suite", "modelnet-c"],
               "digits": ["--suite", "imagenet-c", "--corruption", "gaussian_noise", "--corruption", "shot_noise",
                          "--corruption", "impulse_noise"]}


def clean_and_corrupted(measured):
    """Returns clean accuracy and the mean accuracy under all corruptions, at the severities measured, in percent."""
    corrupted = [value for c in measured["corruptions"].values() for value in c["oa_by_severity"] if value is not None]
    return 100 * measured["clean"]["oa"], 100 * np.mean(corrupted)


def tune_draw(wiseft, files, train, flags, seed):
    """Returns {(alpha, row): [clean, corrupted of the probe, the same of the own head if there is one]} and the floor's, for a
    draw."""
    shared = [*files, "--alphas", ",".join(map(str, ALPHAS)), "--train", train, "--seed", seed, *flags]
    linear, _ = wiseft.sweep(*shared, "--norm-statistics", "linear")
    mixed, controls = wiseft.sweep(*shared, "--repair", train, "--floor", 3)
    figures = {(alpha, "linear"): m for (alpha, _), m in linear.items()}
    figures |= {(alpha, "repair" if repaired else "deviations mixed"): m for (alpha, repaired), m in mixed.items()}
    rows = {key: [f for head in (m, m.get("own_head")) if head for f in clean_and_corrupted(head)] for key, m in figures.items()}
    rows |= {(c["alpha"], "averaged answers"): [] for c in controls if c["id"] == "ensemble"}
    for c in sorted(controls, key=lambda c: c["head"], reverse=True):  # the probe's answers, then the own heads'
        if c["id"] == "ensemble":
            rows[c["alpha"], "averaged answers"] += clean_and_corrupted(c)
    return rows, [clean_and_corrupted(c) for c in controls if c["id"].startswith("random")]


TUNE_ROWS = "linear", "deviations mixed", "repair", "averaged answers"


def tune_table(draws):
    """Prints the means and deviations of what tune_draw returned."""
    heads = ["probe", "own head"][:max(len(row) for rows, _ in draws for row in rows.values()) // 2]
    columns = [f"{head}, {data}" for head in heads for data in ("clean", "corrupted")]
    found = [[f"{alpha:g}", row, *(spread([rows[alpha, row][i] for rows, _ in draws]) for i in range(len(columns)))]
             for alpha in ALPHAS for row in TUNE_ROWS if (alpha, row) in draws[0][0]]
    floors = [f for _, floor in draws for f in floor]
    found.append(["", "random weights", *(spread([f[i] for f in floors]) for i in range(2)), *[""] * (len(columns) - 2)])
    table(["alpha", "model", *columns], found)


def tune(wiseft, folders):
    for kind in KINDS:
        draws = [tune_draw(wiseft, [f / kind / "base.onnx", f / kind / "tuned.onnx"], f / kind / "target_train.npz",
                           ["--test", f / kind / "target_test.npz", "--output", "features", *CORRUPTIONS[kind]], seed)
                 for f in folders for seed in REPAIR_DRAWS]
        print(f"**{kind}**, {len(draws)} draws over {len(folders)} pairs:\n")
        tune_table(draws)


def pair(wiseft, files, flags):
    *models, train = files
    tune_table([tune_draw(wiseft, models, train, flags, seed) for seed in REPAIR_DRAWS])


def main():
    jobs = {"barrier": barrier, "carry": carry, "tune": tune}
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=[*jobs, "pair"])
    parser.add_argument("paths", nargs="+", type=pathlib.Path)
    parser.add_argument("--wiseft", default="wiseft")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:at])
    with tempfile.TemporaryDirectory() as work:
        wiseft = Command(args.wiseft, work)
        if args.job == "pair":
            pair(wiseft, args.paths, sys.argv[at + 1:])
        else:
            jobs[args.job](wiseft, args.paths)


if __name__ == "__main__":
    main()
