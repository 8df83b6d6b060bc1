"""Writes what was found as a table."""

import collections
import datetime

HEAD = """# Models that packages bring along

Every tensor that a model gives is measured by `wiseft features`, with data made by the declared inputs, and compared with
Python's onnxruntime on the same batches; what is pooled is pooled by NumPy. Equal means within 1e-6 of the largest value
(1e-3 for float16). Before is the commit before models had several inputs. {date}, [packages.txt](packages.txt),
[packages-npm.txt](packages-npm.txt), onnxruntime of [requirements.txt](requirements.txt); made by [run.py](run.py).

{summary}

| package | model | inputs | tensors | before | now | largest difference | flags that errors asked for, and refusals |
|---|---|---|---|---|---|---|---|
"""


def words(cases):
    """How many tensors are equal, wrong or refused."""
    counts = collections.Counter(word for word, *_ in cases)
    return ", ".join(f"{n} {word}" for word, n in counts.most_common() if word) or "-"


def notes(row):
    """The flags, and why something is refused, without paths."""
    found = []
    for name, kind, _, (word, _, error, flags) in row["outputs"]:
        if word == "refused":
            text = error.split(".onnx: ")[-1].split(".ort: ")[-1]
            found.append(f"{name}: {text}" if kind.startswith("tensor(") else f"{name} is {kind}: {text}")
        elif word == "WRONG":
            found.append(f"{name}: {error or 'differs'}")
        elif flags:
            found.append(" ".join(flags))
    return "; ".join(dict.fromkeys(found))


def line(row):
    if "error" in row:
        return f"| {row['package']} | {row['model']} | {row.get('inputs', '')} | | | | | Python's onnxruntime: {row['error']} |"
    before, now = [o[2] for o in row["outputs"]], [o[3] for o in row["outputs"]]
    apart = max((n[1] for n in now if n[1] is not None), default=None)
    cells = [row["package"], row["model"], row["inputs"], str(len(now)), words(before), words(now),
             "" if apart is None else f"{apart:.1e}" if apart else "0", notes(row)]
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def write(path, rows, again):
    """Writes the table, and returns whether a tensor differs."""
    tensors = [o for row in rows for o in row.get("outputs", []) if o[1].startswith("tensor(")]
    whole = lambda at: sum(all(o[at][0] == "equal" for o in row["outputs"] if o[1].startswith("tensor(")) for row in rows if "outputs" in row)
    some = lambda at: sum(any(o[at][0] == "equal" for o in row["outputs"]) for row in rows if "outputs" in row)
    equal = lambda at: sum(o[at][0] == "equal" for o in tensors)
    summary = (f"{len(rows)} models of {len({r['package'] for r in rows})} packages ({again} more files are copies) with {len(tensors)} "
               f"tensors. Models with all tensors equal: {whole(2)} before, {whole(3)} now; with one at least: {some(2)} before, {some(3)} now; "
               f"tensors: {equal(2)} before, {equal(3)} now.")
    with open(path, "w") as f:
        f.write(HEAD.format(date=datetime.date.today(), summary=summary))
        f.writelines(line(row) + "\n" for row in rows)
    print(summary)
    return any(o[3][0] == "WRONG" for o in tensors)
