#!/usr/bin/env python3
"""What real PEFT says of adapters beside the models of models.tar.gz, and of ours.

    python adapters.py           # writes theirs/ and theirs.json.gz
    go test ./hub -run TestOurLlamaAdapters -args -write
    python adapters.py ours      # loads ours/ in PEFT, writes ours.json.gz

Weights are float32. Logits are computed in float64, as make.py does.
"""
import gzip
import json
import pathlib
import sys
import tarfile
import tempfile
import warnings

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file

import make

HERE = pathlib.Path(__file__).parent
BASES = pathlib.Path(tempfile.mkdtemp())
TOKENS = [3, 14, 15, 9, 26, 5, 35, 60, 7, 9]
SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
NORMS = ["input_layernorm", "post_attention_layernorm", "norm"]

THEIRS = {
    "seven": ("gqa", dict(r=3, lora_alpha=5, target_modules=SEVEN, lora_dropout=0.1)),
    "default": ("mistral", dict(r=2, lora_alpha=4)),  # PEFT's own choice: q_proj and v_proj
    "linear": ("smollm", dict(r=2, lora_alpha=3, target_modules="all-linear", use_rslora=True, init_lora_weights="gaussian")),
    "regex": ("qwen2", dict(r=2, lora_alpha=4, target_modules=r".*\.layers\.1\.(self_attn\.[qv]_proj|mlp\.down_proj)")),
    "ranks": ("mistral", dict(r=2, lora_alpha=4, target_modules=SEVEN, rank_pattern={"q_proj": 5, "mlp.up_proj": 1}, alpha_pattern={"self_attn.k_proj": 9})),
    "dora": ("qwen3", dict(r=2, lora_alpha=4, target_modules=SEVEN, use_dora=True)),
    "biases": ("biased", dict(r=2, lora_alpha=4, target_modules=["q_proj", "up_proj"], bias="all", modules_to_save=NORMS)),
    "lora_only": ("qwen2", dict(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"], bias="lora_only")),
    "norms": ("qwen3", dict(r=2, lora_alpha=4, target_modules=["o_proj"], modules_to_save=["norm"], layers_to_transform=[1])),
    "head": ("gqa", dict(r=2, lora_alpha=4, target_modules=["v_proj", "lm_head"])),
    "tokens": ("smollm", dict(r=2, lora_alpha=4, target_modules=["k_proj"], trainable_token_indices=[60, 3])),
}


def base(name, dtype=torch.float32):
    config = transformers.AutoConfig.from_pretrained(BASES / name)
    return transformers.AutoModelForCausalLM.from_pretrained(BASES / name, config=config, dtype=dtype, attn_implementation="eager")


def logits(model):
    torch.set_default_dtype(torch.float64)
    make.wide(True)
    model = model.double().eval()
    for m in model.modules():
        if hasattr(m, "rotary_emb"):
            m.rotary_emb = type(m.rotary_emb)(m.config)
    with torch.no_grad():
        out = make.base64_of(model(torch.tensor([TOKENS]), use_cache=False).logits[0], "<f8")
    make.wide(False)
    torch.set_default_dtype(torch.float32)
    return out


def write(name, rows):
    versions = {m.__name__: m.__version__ for m in (torch, transformers, peft)}
    text = json.dumps(dict(versions=versions, tokens=TOKENS, logits=rows))
    (HERE / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def theirs():
    rows = {}
    for name, (of, options) in THEIRS.items():
        torch.manual_seed(3)
        model = get_peft_model(base(of), LoraConfig(task_type="CAUSAL_LM", **options))
        g = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for p in model.parameters():
                if p.requires_grad:
                    p.add_(0.2 * torch.randn(p.shape, generator=g))
        directory = HERE / "theirs" / name
        model.save_pretrained(directory)
        (directory / "README.md").unlink(missing_ok=True)
        config = json.loads((directory / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "someone/" + of
        (directory / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        if name == "linear":  # as many are shared
            weights = load_file(directory / "adapter_model.safetensors")
            save_file({k: v.to(torch.bfloat16) for k, v in weights.items()}, directory / "adapter_model.safetensors", {"format": "pt"})
        rows[name] = logits(PeftModel.from_pretrained(base(of), directory))
        print(name, config["target_modules"])
    write("theirs.json.gz", rows)


def ours():
    rows = {}
    for directory in sorted((HERE / "ours").iterdir()):
        config = json.loads((directory / "adapter_config.json").read_text())
        of = config["base_model_name_or_path"].removeprefix("someone/")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(base(of), directory)
        for w in caught:
            text = str(w.message)
            assert any(word in text for word in ("tie_word_embeddings", "tied", "is_gradient_checkpointing")), f"{directory.name}: PEFT warns: {text}"
        saved = load_file(directory / "adapter_model.safetensors")
        held = get_peft_model_state_dict(model)
        for key, value in saved.items():
            assert torch.equal(held[key], value), f"{directory.name}: {key} is not what PEFT holds"
        extra = [k for k in set(held) - set(saved) if not k.endswith("lm_head.base_layer.weight") and "token_adapter" not in k]
        assert not extra, f"{directory.name}: missing {extra}"
        rows[directory.name] = logits(model)
        print(f"{directory.name}: {len(saved)} tensors, all used; rank {config['r']} {config['rank_pattern']}")
    write("ours.json.gz", rows)


if __name__ == "__main__":
    with tarfile.open(HERE / "models.tar.gz") as tar:
        tar.extractall(BASES, filter="data")
    ours() if sys.argv[1:2] == ["ours"] else theirs()
