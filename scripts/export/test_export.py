"""Tests of the command line: what it accepts, what it refuses, and its messages.

    python -m unittest discover -s scripts/export
"""

import os
import pathlib
import sys
import tempfile
import unittest

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import checkpoint
import export
import operators
import rule
from architectures import ARCHITECTURES, build

ERRORS = (export.UsageError, checkpoint.CheckpointError, ValueError)


def state(salt="", **changes):
    """A PointNet, because it is small."""
    model = build("pointnet", "modelnet40", **changes)
    return rule.state([(k, t.shape) for k, t in model.state_dict().items()], salt)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "x.onnx"

    def export(self, content, *flags, architecture="pointnet", config="modelnet40"):
        torch.save(content, self.folder / "x.pth")
        said = []
        export.export([architecture, "--config", config, "--checkpoint", str(self.folder / "x.pth"),
                       "-o", str(self.out), *flags], said.append)
        return said, onnx.load(self.out)

    def refused(self, text, content, *flags, **where):
        with self.assertRaisesRegex(ERRORS, text) as caught:
            self.export(content, *flags, **where)
        self.assertEqual(len(str(caught.exception).splitlines()), 1)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.suffix != ".pth"], [], "something was left behind")


def farthest_naive(points, count):
    """The GPU routine as it is described: which points it skips, and how it breaks ties."""
    n = len(points)
    block = max(b for b in operators.BLOCKS if b <= n)
    nearest, chosen = [1e10] * n, [0]
    while len(chosen) < count:
        best, best_value = 0, -1.0
        for i in sorted(range(n), key=lambda i: (i % block, i)):
            if sum(float(v) ** 2 for v in points[i]) <= operators.PASSED_OVER:
                continue
            nearest[i] = min(nearest[i], sum((float(a) - float(b)) ** 2 for a, b in zip(points[i], points[chosen[-1]])))
            if nearest[i] > best_value:
                best, best_value = i, nearest[i]
        chosen.append(best)
    return chosen


class Sampling(unittest.TestCase):
    def test_farthest_points(self):
        """On a lattice, which is full of ties, with points at the origin, and with more requested than there are."""
        for n, count in [(5, 8), (64, 20), (600, 30), (1000, 30), (1024, 40)]:
            points = torch.randint(-2, 3, (n, 3), generator=torch.Generator().manual_seed(n)).float() / 4
            got = operators.farthest_points_gpu(points[None], count)[0].tolist()
            self.assertEqual(got, farthest_naive(points, count), f"{count} of {n}")

    def test_ball(self):
        distances = torch.tensor([[[0.5, 0.1, 0.2, 0.9, 0.0]]])
        for k, want in [(2, [1, 2]), (4, [1, 2, 4, 1])]:
            self.assertEqual(operators.ball(distances, 0.2**0.5 + 1e-6, k)[0, 0].tolist(), want)


class Accepted(Case):
    def test_wrappings(self):
        """Tensors are read by name, bit by bit, in any nesting of dictionaries."""
        want = state()
        prefixed = {"module." + k: t for k, t in want.items()}
        for content in [want, prefixed, {"base_model": prefixed, "epoch": 1}, {"state_dict": want},
                        {"model_state_dict": want, "instance_acc": np.float64(0.9), "epoch": np.int64(3)}]:
            self.out.unlink(missing_ok=True)
            _, model = self.export(content)
            got = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
            self.assertEqual(got.keys(), {k for k in want if "num_batches" not in k})
            for name, value in got.items():
                np.testing.assert_array_equal(value, want[name])

    def test_equal_tensors_stay_apart(self):
        """Exporters merge equal tensors; a freshly initialised network has many such tensors."""
        zeros = {k: torch.zeros_like(t) for k, t in state().items()}
        _, model = self.export(zeros)
        self.assertEqual(len(model.graph.initializer), sum("num_batches" not in k for k in zeros))

    def test_classes_come_from_the_checkpoint(self):
        _, model = self.export(state(classes=7))
        self.assertEqual([o.name for o in model.graph.output], ["features", "logits"])
        self.assertEqual(model.graph.output[1].type.tensor_type.shape.dim[1].dim_value, 7)

    def test_no_head(self):
        for content, flags in [(state(), ["--no-head"]), (state(classes=None), [])]:
            self.out.unlink(missing_ok=True)
            _, model = self.export(content, *flags)
            self.assertEqual([o.name for o in model.graph.output], ["features"])

    def test_allowed(self):
        content = state()
        del content["feat.conv1.bias"]
        said, _ = self.export(content | {"more": torch.zeros(1)}, "--allow-missing", "--allow-unexpected")
        self.assertIn("missing: feat.conv1.bias", said)
        self.assertIn("unexpected: more", said)

    def test_pools(self):
        """Every part of every architecture that has parts."""
        for name, cls in ARCHITECTURES.items():
            parts = getattr(cls, "POOLS", ())
            for part in parts:
                model = build(name, "modelnet40", pool=part, classes=None).eval()
                with torch.no_grad():
                    features, = model(export.example(model.points))
                width = 384 * (model.class_tokens() if part == "cls" else 1)
                self.assertEqual(tuple(features.shape), (2, width), f"{name} {part}")


class Refused(Case):
    def test_missing(self):
        content = state()
        del content["feat.conv1.bias"]
        self.refused("x.pth: does not fit: .* 1 missing", content)

    def test_unexpected(self):
        self.refused("1 unexpected", state() | {"feat.conv9.bias": torch.zeros(3)})

    def test_shape(self):
        content = state() | {"feat.conv1.weight": torch.zeros(64, 6, 1)}
        self.refused("1 of another shape", content, "--allow-missing", "--allow-unexpected")

    def test_another_architecture(self):
        self.refused("does not fit: 0 of 156 .*another architecture", state(), architecture="point-mae")

    def test_two_values_of_one_tensor(self):
        model = build("dgcnn", "modelnet40")
        content = rule.state([(k, t.shape) for k, t in model.state_dict().items()])
        self.refused("are one tensor in this network", content, architecture="dgcnn")

    def test_no_tensors(self):
        self.refused("no dictionary of tensors", {"epoch": 1})
        self.refused("no dictionary of tensors", [1, 2])

    def test_code(self):
        self.refused("--trust-checkpoint", {"model": state(), "when": pathlib.PurePosixPath("x")})

    def test_configuration(self):
        self.refused("--config 'shapenet' is not known; there are modelnet40", state(), config="shapenet")

    def test_architecture(self):
        self.refused("architecture 'point-mea' is not known", state(), architecture="point-mea")

    def test_pool(self):
        self.refused("pointnet has one feature", state(), "--pool", "max")
        self.refused("part 'most' is not known", state(), "--pool", "cls+most", architecture="point-mae")

    def test_stage_norm(self):
        self.refused("--stage-norm is for", state(), "--stage-norm")

    def test_not_a_checkpoint(self):
        for name, text in [("garbage.pth", "not a PyTorch checkpoint|holds more than tensors"),
                           ("absent.pth", "no such file")]:
            (self.folder / "garbage.pth").write_bytes(b"x" * 100)
            with self.assertRaisesRegex(checkpoint.CheckpointError, f"{name}: .*({text})"):
                checkpoint.read(str(self.folder / name))

    def test_existing_output(self):
        self.out.write_text("mine")
        with self.assertRaisesRegex(export.UsageError, "--force"):
            self.export(state())
        self.assertEqual(self.out.read_text(), "mine")


USER = """
import torch
class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc_1 = torch.nn.Linear(3, 4)
        self.W_2 = torch.nn.Parameter(torch.ones(4))
    def forward(self, points):
        return torch.amax(self.fc_1(points) * self.W_2, 1)
def baked():
    model = Own()
    model.forward = lambda points: points.sum(1) * model.W_2[0].item()
    return model
def pair():
    model = Own()
    inner = model.forward
    model.forward = lambda points: (inner(points), inner(points) * 2)
    return model
def nothing():
    return 3
class Sentence(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(20, 4)
    def forward(self, input_ids, attention_mask):
        kept = attention_mask[..., None].float()
        return (self.words(input_ids) * kept).sum(1) / kept.sum(1)
class Fixed(Sentence):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask) / int(attention_mask.shape[1])
def sentences(make=Sentence):
    ids = torch.arange(8).reshape(2, 4)
    axes = {0: "batch", 1: "length"}
    return make(), {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, {"input_ids": axes, "attention_mask": axes}
def fixed():
    return sentences(Fixed)
def misnamed():
    model, inputs, axes = sentences()
    return model, inputs, {"ids": axes["input_ids"]}
"""


class Generic(Case):
    def run_generic(self, factory, *flags, points=("--points", "16")):
        (self.folder / "dgcnn.py").write_text(USER)  # a name that is also one of ours
        path, modules = list(sys.path), dict(sys.modules)
        here = pathlib.Path.cwd()
        try:
            os.chdir(self.folder)
            export.export(["generic", factory, *points, "-o", str(self.out), *flags], lambda _: None)
        finally:
            os.chdir(here)
            sys.path[:] = path
            sys.modules.clear()
            sys.modules.update(modules)
        return onnx.load(self.out)

    def test_own_model(self):
        model = self.run_generic("dgcnn:Own")
        self.assertEqual({t.name for t in model.graph.initializer}, {"fc_1.weight", "fc_1.bias", "W_2"})
        self.assertEqual(len(self.run_generic("dgcnn:pair", "--force").graph.output), 2)

    def test_several_inputs(self):
        model = self.run_generic("dgcnn:sentences", points=())
        self.assertEqual([i.name for i in model.graph.input], ["input_ids", "attention_mask"])
        for i in model.graph.input:
            self.assertEqual([d.dim_param for d in i.type.tensor_type.shape.dim], ["batch", "length"])
        for factory, points, text in [("dgcnn:sentences", ("--points", "4"), "modules of clouds"), ("dgcnn:Own", (), "--points"),
                                      ("dgcnn:misnamed", (), "names of the inputs"), ("dgcnn:fixed", (), "than PyTorch")]:
            with self.assertRaisesRegex(ERRORS, text):
                self.run_generic(factory, "--force", points=points)

    def test_refused(self):
        for factory, text in [("dgcnn:absent", "absent"), ("dgcnn", "module:function"), ("nowhere:x", "nowhere"),
                              ("dgcnn:nothing", "returned int"), ("dgcnn:baked", "than PyTorch")]:
            with self.assertRaisesRegex(ERRORS, text):
                self.run_generic(factory)
            self.assertFalse(self.out.exists())


if __name__ == "__main__":
    unittest.main()
