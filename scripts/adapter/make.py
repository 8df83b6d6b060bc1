"""Makes onnxmerge/adapter/testdata: small networks, LoRA adapters that PEFT saved, and what they make of the weights.

A case is a folder with base.safetensors, the adapter, merged.safetensors (float32, by merge_and_unload of PEFT, or with kohya's
names none) and reference.safetensors (float64, computed here from the formulas). Two networks are exported: base.onnx and
merged.onnx by TorchScript, with folded weights and generated names, dynamo.onnx with names as PyTorch has them; x.npz has inputs.

Run from anywhere: python scripts/adapter/make.py (requirements.txt).
"""

import copy
import json
import math
import pathlib
import shutil
import warnings

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import GPT2Config, GPT2Model

OUT = pathlib.Path(__file__).resolve().parents[2] / "onnxmerge/adapter/testdata"


class Tokens(nn.Module):
    """An embedding, a square and two other linear layers."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(13, 8)
        self.query = nn.Linear(8, 8)
        self.up = nn.Linear(8, 12)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        h = self.embed(x)
        return self.head(torch.tanh(self.up(h + self.query(h))).mean(1))

    inputs = staticmethod(lambda: torch.arange(12).reshape(2, 6) % 13)


class Pictures(nn.Module):
    """Convolutions of sizes 3 and 1, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.mix = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.relu(self.mix(torch.relu(self.stem(x)))).mean((2, 3)))

    inputs = staticmethod(lambda: torch.linspace(-1, 1, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5))


def gpt2():
    return GPT2Model(GPT2Config(vocab_size=11, n_positions=6, n_embd=8, n_layer=1, n_head=2))


CASES = {
    "linear": (Tokens, dict(r=4, lora_alpha=6, target_modules=["query", "up", "head"], rank_pattern={"up": 2},
                            alpha_pattern={"up": 5, "head": 3})),
    "rslora": (Tokens, dict(r=4, lora_alpha=3, target_modules=["query", "up"], use_rslora=True)),
    "embedding": (Tokens, dict(r=3, lora_alpha=4, target_modules=["embed", "query"])),
    "conv": (Pictures, dict(r=2, lora_alpha=3, target_modules=["stem", "mix", "head"])),
    "gpt2": (gpt2, dict(r=2, lora_alpha=3, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)),
    "dora": (Tokens, dict(r=2, lora_alpha=3, target_modules=["query", "up"], use_dora=True)),
    "dora_conv": (Pictures, dict(r=2, lora_alpha=3, target_modules=["stem", "mix", "head"], use_dora=True)),
    "dora_gpt2": (gpt2, dict(r=2, lora_alpha=3, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True, use_dora=True)),
    "dora_embedding": (Tokens, dict(r=2, lora_alpha=3, target_modules=["embed"], use_dora=True)),
    "saved": (Tokens, dict(r=2, lora_alpha=3, target_modules=["query"], modules_to_save=["head"], bias="all")),
}


def randomise(module, seed, std=0.5):
    g = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        p.data = torch.randn(p.shape, generator=g) * std


def contiguous(state):
    return {k: v.detach().clone().contiguous() for k, v in state.items()}


def norm(w, axis):
    return np.sqrt((w * w).sum(tuple(i for i in range(w.ndim) if i != axis), keepdims=True))


def reference(base, adapter, config):
    """The formulas in float64, from the tensors that are in the files."""
    out = {k: v.double().numpy() for k, v in base.items()}
    tensors = {k.removeprefix("base_model.model."): v.double().numpy() for k, v in adapter.items()}
    for key in tensors:
        if "lora_" not in key and ".original_module." not in key:
            out[key.replace(".base_layer.", ".").replace(".modules_to_save.", ".")] = tensors[key]
    for key, a in tensors.items():
        for kind in (".lora_A.weight", ".lora_embedding_A"):
            if not key.endswith(kind):
                continue
            layer = key.removesuffix(kind)
            b = tensors[layer + kind.replace("_A", "_B")]
            name, r = layer + ".weight", a.shape[0]
            alpha = {"up": 5, "head": 3}.get(layer, config["lora_alpha"]) if config.get("alpha_pattern") else config["lora_alpha"]
            s = alpha / (math.sqrt(r) if config.get("use_rslora") else r)
            delta = s * (b.reshape(b.shape[0], r) @ a.reshape(r, -1))
            swapped = kind == ".lora_embedding_A" or config.get("fan_in_fan_out", False)
            w = out[name] + (delta.T if swapped else delta).reshape(out[name].shape)
            if config.get("use_dora"):
                axis = w.ndim - 1 if swapped else 0
                m = tensors[layer + ".lora_magnitude_vector"].reshape([-1 if i == axis else 1 for i in range(w.ndim)])
                w = m * w / norm(w, axis)
            out[name] = w
    return {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in out.items()}


def make(name, build, config, seed):
    folder = OUT / name
    folder.mkdir(parents=True)
    model = build()
    randomise(model, seed)
    model.eval()
    base = contiguous(model.state_dict())
    base = {k: v for k, v in base.items() if v.is_floating_point()}
    save_file(base, folder / "base.safetensors")
    original = copy.deepcopy(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tuned = get_peft_model(model, LoraConfig(**config))
        g = torch.Generator().manual_seed(seed + 1)
        for key, p in tuned.named_parameters():
            if "lora_magnitude" in key:
                p.data = p.data * (1 + 0.2 * torch.rand(p.shape, generator=g))
            elif "lora_" in key or "modules_to_save.default" in key or key.endswith("bias"):
                p.data = torch.randn(p.shape, generator=g) * 0.3
        tuned.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").unlink()
    text = json.loads((folder / "adapter_config.json").read_text())
    text["target_modules"] = sorted(text["target_modules"])
    (folder / "adapter_config.json").write_text(json.dumps(text, indent=1) + "\n")
    reread = PeftModel.from_pretrained(original, folder).eval()
    inputs = getattr(build, "inputs", None)
    with torch.no_grad():
        forward = reread(inputs()) if inputs else None
    merged = reread.merge_and_unload().eval()
    state = {k: v for k, v in contiguous(merged.state_dict()).items() if v.is_floating_point()}
    adapter = load_file(folder / "adapter_model.safetensors")
    save_file(reference(base, adapter, config), folder / "reference.safetensors")
    if name == "dora_embedding":  # merge_and_unload ignores the magnitude; the forward pass does not
        check = build()
        check.load_state_dict({k: v.float() for k, v in reference(base, adapter, config).items()})
        with torch.no_grad():
            assert torch.allclose(check(inputs()), forward, atol=1e-5)
    else:
        save_file(state, folder / "merged.safetensors")
    return build, base, merged


def export(folder, build, base, merged):
    model = build().eval()
    model.load_state_dict(base)
    x = build.inputs()
    names = dict(input_names=["x"], output_names=["y"])
    dynamic = {"x": {0: "n"}}
    torch.onnx.export(model, (x,), folder / "base.onnx", dynamo=False, dynamic_axes=dynamic, **names)
    torch.onnx.export(merged, (x,), folder / "merged.onnx", dynamo=False, dynamic_axes=dynamic, **names)
    torch.onnx.export(model, (x,), folder / "dynamo.onnx", dynamo=True, external_data=False, **names)
    np.savez(folder / "x.npz", x=x.numpy())


def kohya():
    """The adapter of conv with kohya's names, beside one of a text encoder, and the same of a network with a prefix."""
    source = load_file(OUT / "conv/adapter_model.safetensors")
    out = {}
    for key, v in source.items():
        layer, which = key.removeprefix("base_model.model.").split(".lora_")
        which = {"A.weight": "lora_down.weight", "B.weight": "lora_up.weight"}[which]
        out[f"lora_unet_{layer.replace('.', '_')}.{which}"] = v.clone()
        out[f"lora_unet_{layer.replace('.', '_')}.alpha"] = torch.tensor(3.0)
    out["lora_te_text_model_q_proj.lora_down.weight"] = torch.ones(2, 4)
    out["lora_te_text_model_q_proj.lora_up.weight"] = torch.ones(4, 2)
    save_file(out, OUT / "conv/kohya.safetensors")


def main():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    for i, (name, (build, config)) in enumerate(CASES.items()):
        made = make(name, build, config, 10 * i)
        if name in ("linear", "conv"):
            export(OUT / name, *made)
    kohya()


if __name__ == "__main__":
    main()
