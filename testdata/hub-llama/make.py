#!/usr/bin/env python3
"""Small models of the Llama family, written by transformers, and what it computes from them.

    python make.py [folder]   # default: the folder of this file

models.tar.gz has a directory for each model, judged.json.gz what transformers says: the
logits of a few tokens in float64 and in float32, and 200 tokens that follow, each the one
with the largest logit.

transformers computes norms, softmax, frequencies and angles in float32 whatever type a
model has. For the float64 logits, float64 stands in the place of float32. The tokens that
follow are the same in both. A seed is passed over where two logits are so close that
rounding could choose, or where the text repeats itself at once.
"""
import base64
import gzip
import importlib
import io
import json
import pathlib
import shutil
import sys
import tarfile
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
FAMILIES = ["llama", "qwen2", "qwen3", "mistral"]
MODULES = [importlib.import_module("transformers.modeling_rope_utils")] + [
    importlib.import_module(f"transformers.models.{f}.modeling_{f}") for f in FAMILIES]
SHORT = dict(vocab_size=61, hidden_size=24, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=256, pad_token_id=None, bos_token_id=1, eos_token_id=2)
AFTER, PROMPT = 200, 14

LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)

# name, family, configuration, type of the weights, how it is written
MODELS = [
    ("gqa", "Llama", dict(num_attention_heads=6, rms_norm_eps=1e-5, rope_parameters=dict(LLAMA3, rope_theta=500000.0)), "float32", "old"),
    ("smollm", "Llama", dict(num_attention_heads=3, num_key_value_heads=1, rms_norm_eps=1e-5, tie_word_embeddings=True,
                             rope_parameters=dict(rope_type="default", rope_theta=100000.0), eos_token_id=[2, 5]), "bfloat16", ""),
    ("biased", "Llama", dict(num_key_value_heads=4, attention_bias=True, mlp_bias=True, num_hidden_layers=3, hidden_size=16,
                             rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=10000.0)), "float32", "shards old type"),
    ("qwen2", "Qwen2", dict(tie_word_embeddings=True, rope_parameters=dict(YARN, rope_theta=1000000.0)), "bfloat16", "head"),
    ("qwen2-window", "Qwen2", dict(use_sliding_window=True, sliding_window=7, max_window_layers=0, hidden_size=16,
                                   rope_parameters=dict(rope_type="default", rope_theta=10000.0)), "float32", ""),
    ("qwen3", "Qwen3", dict(tie_word_embeddings=True, head_dim=10, hidden_size=16,
                            rope_parameters=dict(rope_type="default", rope_theta=1000000.0)), "bfloat16", "old"),
    ("qwen3-biased", "Qwen3", dict(head_dim=4, num_attention_heads=5, num_key_value_heads=1, attention_bias=True, hidden_size=16,
                                   rope_parameters=dict(YARN, factor=2.0, rope_theta=10000.0)), "float32", ""),
    ("mistral", "Mistral", dict(sliding_window=9, head_dim=8, num_key_value_heads=1, hidden_size=20,
                                rope_parameters=dict(rope_type="default", rope_theta=10000.0)), "float32", ""),
]


class Wide:
    """torch, in which float32 is float64."""

    def __getattr__(self, name):
        return torch.float64 if name in ("float", "float32") else getattr(torch, name)


def wide(on):
    for m in MODULES:
        m.torch = Wide() if on else torch
    torch.Tensor.float = torch.Tensor.double if on else FLOAT


FLOAT = torch.Tensor.float


def generic(model, seed):
    """No gain is one, no bias is zero, and logits are not near zero."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g, dtype=torch.float64)
            if "norm" in name:
                p.copy_(1 + 0.3 * noise)
            elif p.dim() == 1:
                p.copy_(0.3 * noise)
            elif "embed" in name or "lm_head" in name:
                p.copy_(noise)
            else:
                p.copy_(noise * 2 / p.shape[1] ** 0.5)


def write(path, family, changes, dtype, how, seed):
    torch.manual_seed(seed)
    config = getattr(transformers, family + "Config")(**(SHORT | changes))
    model = getattr(transformers, family + "ForCausalLM")(config).eval()
    generic(model, seed)
    model.to(getattr(torch, dtype))
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    model.save_pretrained(path, max_shard_size=size // 3 if "shards" in how else "50GB")
    if "head" in how:  # a tied head that is written all the same
        weights = load_file(path / "model.safetensors")
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
        save_file(weights, path / "model.safetensors", {"format": "pt"})
    if "old" in how:  # as transformers 4 wrote it
        c = json.loads((path / "config.json").read_text())
        rope = c.pop("rope_parameters")
        c["rope_theta"] = rope.pop("rope_theta")
        if "type" in how.split():
            rope["type"] = rope.pop("rope_type")
        c["rope_scaling"] = rope if rope.get("rope_type") != "default" else None
        c["torch_dtype"] = c.pop("dtype")
        c.pop("layer_types", None)
        (path / "config.json").write_text(json.dumps(c, indent=2) + "\n")


def judge(path, family, prompt, dtype):
    """Logits after the prompt, the tokens that follow, and the smallest distance of the best two."""
    wide(dtype == torch.float64)
    kind = getattr(transformers, family + "ForCausalLM")
    model, info = kind.from_pretrained(path, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"] and not info["unexpected_keys"], info
    model.eval()
    if dtype == torch.float64:  # the buffer was computed in float32 while the weights were loaded
        model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
        assert model.model.rotary_emb.inv_freq.dtype == torch.float64
    with torch.no_grad():
        logits = model(prompt[None], use_cache=False).logits[0]
        text, margin, cache, last = [], 1e9, None, prompt[None]
        for _ in range(AFTER):
            out = model(last, past_key_values=cache, use_cache=True)
            cache, row = out.past_key_values, out.logits[0, -1]
            best = row.topk(2)
            margin = min(margin, ((best.values[0] - best.values[1]) / row.abs().max()).item())
            last = best.indices[:1][None]
            text.append(last.item())
    return logits, text, margin


def base64_of(x, kind):
    return base64.b64encode(x.contiguous().numpy().astype(kind).tobytes()).decode()


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__)
    folder = folder if folder.is_dir() else folder.parent
    work, judged = pathlib.Path(tempfile.mkdtemp()), {}
    for number, (name, family, changes, dtype, how) in enumerate(MODELS):
        for seed in range(100 * number, 100 * number + 100):
            shutil.rmtree(work / name, ignore_errors=True)
            torch.set_default_dtype(torch.float64)
            wide(False)
            write(work / name, family, changes, dtype, how, seed)
            prompt = torch.randint(3, SHORT["vocab_size"], (PROMPT,), generator=torch.Generator().manual_seed(seed))
            logits, text, margin = judge(work / name, family, prompt, torch.float64)
            if margin < 2e-4 or len(set(text[100:])) < 12:
                continue
            torch.set_default_dtype(torch.float32)
            narrow, again, _ = judge(work / name, family, prompt, torch.float32)
            if again == text:
                break
        else:
            raise SystemExit(f"{name}: no seed will do")
        far = ((narrow - logits).abs().max() / logits.abs().max()).item()
        print(f"{name}: seed {seed}, logits to {logits.abs().max():.3g}, float32 off by {far:.1e}, distance of the best two {margin:.1e}, {len(set(text))} different tokens")
        judged[name] = dict(tokens=prompt.tolist(), logits=base64_of(logits, "<f8"), float32=base64_of(narrow, "<f4"), after=text)
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    (folder / "judged.json.gz").write_bytes(gzip.compress(json.dumps(dict(versions=versions, models=judged)).encode(), 9, mtime=0))
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(work.rglob("*")):
            if path.is_file():
                info = tarfile.TarInfo(str(path.relative_to(work)))
                info.size = path.stat().st_size
                tar.addfile(info, open(path, "rb"))
    (folder / "models.tar.gz").write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
