"""Reads reports of a run with the tools that they are for: TensorBoard and the Hub's client.

    pip install -r scripts/reports/requirements.txt
    python scripts/reports/check.py RUN --wiseft bin/wiseft
"""

import argparse
import json
import pathlib
import struct
import subprocess
import tempfile

from huggingface_hub import ModelCard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def write(arguments, fmt, out, *more):
    subprocess.run([arguments.wiseft, "report", arguments.run, "--format", fmt, "-o", str(out), "-q", *more], check=True)


def check_events(arguments, folder, models):
    write(arguments, "tensorboard", folder / "events.out.tfevents.0")
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0}).Reload()
    tags = events.Tags()
    figures = {}
    for tag in tags["scalars"]:
        figure, kind = tag.split("/")
        figures.setdefault(figure, []).extend((e.step, kind, e.value) for e in events.Scalars(tag))
    kinds = lambda m: "repaired" if m.get("repaired") else m.get("statistics") or ("mix" if m.get("params") else "model")
    single = all(m["alpha"] is not None and len(m["params"]) == 1 for m in models)
    steps = [round(1000 * m["alpha"]) if single else i for i, m in enumerate(models)]
    for name, value in {"clean accuracy": lambda m: m["clean"]["oa"], "mOA": lambda m: m["exact"]["moa"]}.items():
        want = [(s, kinds(m), struct.unpack("f", struct.pack("f", value(m)))[0]) for s, m in zip(steps, models) if value(m) is not None]
        assert sorted(figures.get(name, [])) == sorted(want), (name, figures.get(name), want)
    text = events.Tensors("report")[0].tensor_proto.string_val[0].decode()
    assert "The step is" in text and tags["tensors"] == ["report"], tags
    for tag in tags["images"]:
        image = events.Images(tag)[0]
        assert image.encoded_image_string.startswith(b"\x89PNG") and image.width > 100
    print("tensorboard reads", len(tags["scalars"]), "scalars,", len(tags["images"]), "images, 1 text")


def check_card(arguments, folder, chosen):
    names = ["--base-model", "me/pretrained", "--base-model", "me/finetuned"] if chosen else []
    write(arguments, "card", folder / "README.md", "--hub-data", "me/data", *names)
    card = ModelCard.load(folder / "README.md")
    data = card.data
    assert data.eval_results and data.library_name == "onnx" and data.datasets == ["me/data"], data
    if chosen:
        assert data.base_model == ["me/pretrained", "me/finetuned"] and data.to_dict()["base_model_relation"] == "merge"
    print("huggingface_hub reads", [(r.metric_type, r.metric_value) for r in data.eval_results])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--wiseft", required=True)
    arguments = parser.parse_args()
    result = json.loads((pathlib.Path(arguments.run) / "result.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        check_events(arguments, pathlib.Path(folder), result["models"])
    with tempfile.TemporaryDirectory() as folder:
        check_card(arguments, pathlib.Path(folder), result["chosen"])


if __name__ == "__main__":
    main()
