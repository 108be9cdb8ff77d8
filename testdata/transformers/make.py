"""Writes the goldens of this folder with real transformers.

    python make.py OUT            the small ones, packed: tiny.tar.gz, logits.json.gz
    python make.py --large OUT    larger ones, as directories, for one run by hand

Every model is initialised at random and then made generic: weights larger than usual,
so that the logits are not near zero, gains that are not one, biases that are not zero.
Needs torch, transformers, safetensors, numpy.
"""

import gzip, io, json, os, pathlib, shutil, sys, tarfile, tempfile

import torch, transformers
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Model

# name, configuration, dtype, how it is written
SMALL = [
    ("tied", dict(), "float32", ""),
    ("untied", dict(tie_word_embeddings=False, activation_function="gelu"), "float32", ""),
    ("relu", dict(activation_function="relu", n_inner=20), "float32", ""),
    ("float64", dict(activation_function="gelu_new", n_inner=36), "float64", ""),
    ("float64-untied", dict(activation_function="gelu", tie_word_embeddings=False, layer_norm_epsilon=1e-3), "float64", ""),
    ("half", dict(activation_function="gelu_pytorch_tanh"), "float16", ""),
    ("bf16", dict(activation_function="gelu_fast"), "bfloat16", ""),
    ("sharded", dict(n_layer=3), "float32", "shards"),
    ("bare", dict(), "float32", "bare"),  # no prefix, with the buffers of old files, as openai-community/gpt2
    ("unscaled", dict(scale_attn_weights=False), "float64", ""),
    ("by-layer", dict(scale_attn_by_inverse_layer_idx=True, n_layer=3), "float64", ""),
    ("unscaled-by-layer", dict(scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True), "float32", "head"),
]
TINY = dict(vocab_size=50, n_positions=11, n_embd=12, n_head=3, n_layer=2)
LARGE = [
    ("medium", dict(vocab_size=1003, n_positions=64, n_embd=96, n_head=6, n_layer=4), "float32", ""),
    ("medium-untied", dict(vocab_size=1003, n_positions=64, n_embd=96, n_head=6, n_layer=4, tie_word_embeddings=False, activation_function="gelu", n_inner=200), "float64", "shards"),
    ("124m", dict(), "float32", ""),
    ("124m-bf16", dict(), "bfloat16", ""),
    ("124m-f16-sharded", dict(), "float16", "shards"),
]


def generic(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g, dtype=torch.float64)
            if p.dim() == 1:
                p.copy_((1 if "ln_" in name and name.endswith("weight") else 0) + 0.3 * noise)
            elif "wte" in name or "lm_head" in name:
                p.copy_(0.8 * noise)
            else:
                p.copy_(noise * 1.5 / p.shape[0] ** 0.5)


def make(dir, config, dtype, how, seed):
    torch.manual_seed(seed)
    c = GPT2Config(**config, bos_token_id=config.get("vocab_size", 50257) - 1, eos_token_id=config.get("vocab_size", 50257) - 1)
    torch.set_default_dtype(torch.float64)
    model = GPT2LMHeadModel(c).eval()
    generic(model, seed)
    model.to(getattr(torch, dtype))
    torch.set_default_dtype(torch.float32)
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    if how == "bare":
        model.transformer.save_pretrained(dir)
        weights = load_file(dir / "model.safetensors")
        n = c.n_positions
        for i in range(c.n_layer):
            weights[f"h.{i}.attn.bias"] = torch.tril(torch.ones(n, n)).view(1, 1, n, n)
            weights[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        save_file(weights, dir / "model.safetensors", {"format": "pt"})
    else:
        model.save_pretrained(dir, max_shard_size=size // 3 if how == "shards" else "50GB")
    if how == "head":  # a tied head that is written all the same
        weights = load_file(dir / "model.safetensors")
        weights["lm_head.weight"] = weights["transformer.wte.weight"].clone()
        save_file(weights, dir / "model.safetensors", {"format": "pt"})
    # what the files say, computed in float64
    back, info = GPT2LMHeadModel.from_pretrained(dir, dtype=torch.float64, attn_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"], info
    back.eval()
    g = torch.Generator().manual_seed(seed + 1)
    T = min(c.n_positions, 64)
    tokens = torch.randint(c.vocab_size, (2, T), generator=g)
    targets = torch.randint(c.vocab_size, (2, T), generator=g)
    with torch.no_grad():
        logits = back(tokens).logits
        loss = torch.nn.functional.cross_entropy(logits.view(-1, c.vocab_size), targets.view(-1))
    keep = logits if logits.numel() < 5000 else logits[:, -2:, :]
    return dict(tokens=tokens.tolist(), targets=targets.tolist(), loss=loss.item(), logits=keep.flatten().tolist(), dtype=dtype)


def main():
    large = "--large" in sys.argv
    out = pathlib.Path(sys.argv[-1])
    out.mkdir(parents=True, exist_ok=True)
    work = out if large else pathlib.Path(tempfile.mkdtemp())
    goldens = {}
    for seed, (name, config, dtype, how) in enumerate(LARGE if large else SMALL):
        goldens[name] = make(work / name, config if large else TINY | config, dtype, how, 100 + seed)
        print(name, goldens[name]["loss"], max(map(abs, goldens[name]["logits"])))
    versions = dict(torch=torch.__version__, transformers=transformers.__version__, safetensors=__import__("safetensors").__version__)
    text = json.dumps(dict(versions=versions, models=goldens)).encode()
    with open(out / "logits.json.gz", "wb") as f:
        f.write(gzip.compress(text, 9, mtime=0))
    if large:
        return
    with open(out / "tiny.tar.gz", "wb") as f:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path in sorted(work.rglob("*")):
                if path.is_file():
                    info = tarfile.TarInfo(str(path.relative_to(work)))
                    info.size = path.stat().st_size
                    tar.addfile(info, open(path, "rb"))
        f.write(gzip.compress(raw.getvalue(), 9, mtime=0))
    shutil.rmtree(work)


main()
