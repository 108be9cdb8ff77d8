#!/usr/bin/env python3
"""Goldens of the Llama family: what transformers and float64 autograd say.

    python make.py [folder]   # default: the folder of this file

Layers and networks are transformers' own, differentiated by PyTorch's autograd, so no
formula of this project takes part. transformers computes norms, softmax, frequencies
and angles in float32 whatever type a model has; here float32 is float64 throughout.

Parameters are multiples of 2^-10. A tensor is {"shape": [...], "f64": base64 of its
numbers, little-endian, row-major}; weights are input×output.
"""
import base64
import gzip
import importlib
import json
import pathlib
import sys

import peft
import torch
import torch.nn.functional as F
import transformers

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


class Torch:
    """torch, in which float32 is float64."""

    def __getattr__(self, name):
        return torch.float64 if name in ("float", "float32") else getattr(torch, name)


FAMILIES = ["llama", "qwen2", "qwen3", "mistral", "gemma", "cohere"]
for module in ["modeling_rope_utils"] + [f"models.{f}.modeling_{f}" for f in FAMILIES]:
    importlib.import_module("transformers." + module).torch = Torch()
torch.Tensor.float = torch.Tensor.double

from transformers.models.cohere.modeling_cohere import apply_rotary_pos_emb as turn_interleaved  # noqa: E402
from transformers.models.llama.modeling_llama import (  # noqa: E402
    LlamaMLP, LlamaRMSNorm, LlamaRotaryEmbedding, apply_rotary_pos_emb as turn_halves)
from transformers.models.qwen3.modeling_qwen3 import Qwen3Attention  # noqa: E402

generator = torch.Generator().manual_seed(12)


def draw(*shape, mean=0.0, sd=1.0):
    x = mean + sd * torch.randn(*shape, generator=generator)
    return (x * 1024).round() / 1024


def array(x):
    x = x.detach().contiguous()
    return {"shape": list(x.shape), "f64": base64.b64encode(x.numpy().astype("<f8").tobytes()).decode()}


def arrays(**tensors):
    return {name: array(x) for name, x in tensors.items()}


def pulled(out, error, *inputs):
    """Gradients of error · out."""
    return torch.autograd.grad((out * error).sum(), inputs)


SCALINGS = {
    "default": dict(rope_type="default", rope_theta=10000.0),
    "linear": dict(rope_type="linear", rope_theta=10000.0, factor=4.0),
    "llama3": dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=64),
    "yarn": dict(rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=64),
}


# ---------------------------------------------------------------- layers

def rmsnorm():
    cases = []
    for eps in [1e-6, 0.3]:
        layer = LlamaRMSNorm(6, eps=eps)
        x, error = draw(5, 6).requires_grad_(), draw(5, 6)
        with torch.no_grad():
            layer.weight.copy_(draw(6, mean=1, sd=0.5))
        y = layer(x)
        dx, dw = pulled(y, error, x, layer.weight)
        cases.append(dict(eps=eps, **arrays(x=x, w=layer.weight, error=error, y=y, dx=dx, dw=dw)))
    return cases


def rotary():
    cases = []
    for name, scaling in SCALINGS.items():
        config = transformers.LlamaConfig(hidden_size=16, num_attention_heads=2, head_dim=8, max_position_embeddings=256, rope_parameters=dict(scaling))
        table = LlamaRotaryEmbedding(config)
        positions = torch.tensor([0, 1, 2, 5, 40, 200])
        cos, sin = table(torch.zeros(1, len(positions), 1), positions[None])
        for interleaved in [False, True]:
            x, error = draw(1, 1, len(positions), 8).requires_grad_(), draw(1, 1, len(positions), 8)
            if interleaved:  # cohere's tables hold each angle twice, side by side
                half = 4
                y, _ = turn_interleaved(x, x, cos[..., :half].repeat_interleave(2, -1), sin[..., :half].repeat_interleave(2, -1))
            else:
                y, _ = turn_halves(x, x, cos, sin)
            dx, = pulled(y, error, x)
            cases.append(dict(scaling=scaling, interleaved=interleaved, positions=positions.tolist(), attention_factor=table.attention_scaling,
                              **arrays(inv_freq=table.inv_freq, x=x[0, 0], error=error[0, 0], y=y[0, 0], dx=dx[0, 0])))
    return cases


def gated():
    cases = []
    for act in ["silu", "gelu", "gelu_pytorch_tanh"]:
        layer = LlamaMLP(transformers.LlamaConfig(hidden_size=8, num_attention_heads=2, intermediate_size=7, hidden_act=act))
        z, u, error = draw(4, 7, sd=2).requires_grad_(), draw(4, 7).requires_grad_(), draw(4, 7)
        h = layer.act_fn(z) * u
        dz, du = pulled(h, error, z, u)
        cases.append(dict(activation=act, **arrays(z=z, u=u, error=error, h=h, dz=dz, du=du)))
    return cases


def attention():
    cases = []
    for heads, kv, window in [(6, 2, 0), (4, 4, 0), (3, 1, 3)]:
        width, n, eps = 10, 7, 1e-6
        config = transformers.Qwen3Config(hidden_size=14, num_attention_heads=heads, num_key_value_heads=kv, head_dim=width, rms_norm_eps=eps,
                                          rope_parameters=dict(SCALINGS["default"]), num_hidden_layers=1)
        config._attn_implementation = "eager"
        layer = Qwen3Attention(config, 0)
        layer.q_proj, layer.k_proj, layer.v_proj = (torch.nn.Identity() for _ in range(3))
        layer.o_proj = torch.nn.Identity()
        with torch.no_grad():
            layer.q_norm.weight.copy_(draw(width, mean=1, sd=0.5))
            layer.k_norm.weight.copy_(draw(width, mean=1, sd=0.5))
        q, k, v = (draw(n, h * width).requires_grad_() for h in (heads, kv, kv))
        layer.q_proj.forward, layer.k_proj.forward, layer.v_proj.forward = (lambda x, y=y: y[None] for y in (q, k, v))
        t = torch.arange(n)
        seen = t[None] <= t[:, None]
        if window:
            seen &= t[None] > t[:, None] - window
        mask = torch.zeros(n, n).masked_fill(~seen, float("-inf"))[None, None]
        cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1, n, 1), t[None])
        y = layer(torch.zeros(1, n, 14), (cos, sin), mask)[0][0]
        error = draw(n, heads * width)
        dq, dk, dv, dqn, dkn = pulled(y, error, q, k, v, layer.q_norm.weight, layer.k_norm.weight)
        cases.append(dict(heads=heads, kv_heads=kv, window=window, eps=eps, theta=10000.0,
                          **arrays(q=q, k=k, v=v, q_norm=layer.q_norm.weight, k_norm=layer.k_norm.weight, error=error, y=y,
                                   dq=dq, dk=dk, dv=dv, dq_norm=dqn, dk_norm=dkn)))
    return cases


# ---------------------------------------------------------------- networks

SHORT = dict(vocab_size=13, hidden_size=16, intermediate_size=10, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=256, rms_norm_eps=1e-5, pad_token_id=None, bos_token_id=1, eos_token_id=2)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

NETWORKS = [
    ("llama", "Llama", dict(), {}),
    ("smollm2", "Llama", dict(tie_word_embeddings=True, hidden_size=12, num_attention_heads=3, num_key_value_heads=1, rope_parameters=SCALINGS["llama3"]), {}),
    ("biases", "Llama", dict(attention_bias=True, mlp_bias=True, num_key_value_heads=4, rope_parameters=SCALINGS["linear"]), {}),
    ("qwen2", "Qwen2", dict(tie_word_embeddings=True, rope_parameters=SCALINGS["yarn"]), {}),
    ("qwen3", "Qwen3", dict(head_dim=6), dict(qk_norm=True)),
    ("mistral", "Mistral", dict(sliding_window=3, head_dim=4), dict(window=3)),
    ("gemma", "Gemma", dict(head_dim=6, hidden_activation="gelu_pytorch_tanh", num_key_value_heads=1), dict(plus_one=True)),
    ("lora", "Llama", dict(), dict(lora=(3, 5))),
]

OURS = {"self_attn.q_proj": "q", "self_attn.k_proj": "k", "self_attn.v_proj": "v", "self_attn.o_proj": "o", "mlp.gate_proj": "gate",
        "mlp.up_proj": "up", "mlp.down_proj": "down", "input_layernorm": "norm1", "post_attention_layernorm": "norm2",
        "self_attn.q_norm": "qNorm", "self_attn.k_norm": "kNorm"}


def our_name(name):
    name = name.replace("base_model.model.", "").replace(".base_layer", "").replace(".default", "")
    for theirs, ours in [("model.embed_tokens.weight", "tok.w"), ("model.norm.weight", "final.w"), ("lm_head.weight", "logits.w")]:
        if name == theirs:
            return ours
    _, _, block, rest = name.split(".", 3)
    layer, kind = rest.rsplit(".", 1)
    if layer.endswith(("lora_A", "lora_B")):
        layer, kind = layer.rsplit(".", 1)
    return f"block.{block}.{OURS[layer]}." + {"weight": "w", "bias": "b", "lora_A": "down", "lora_B": "up"}[kind]


def our_layout(name, x):
    return x if x.dim() == 1 or name == "tok.w" else x.T


def network(name, family, changes, more):
    config = getattr(transformers, family + "Config")(**(SHORT | changes))
    config._attn_implementation = "eager"
    model = getattr(transformers, family + "ForCausalLM")(config).double().eval()
    out = dict(name=name, family=family, hidden=config.hidden_size, heads=config.num_attention_heads, kv_heads=config.num_key_value_heads,
               blocks=config.num_hidden_layers, eps=config.rms_norm_eps, rope=dict(config.rope_parameters), tied=config.tie_word_embeddings, **more)
    out["rope"].setdefault("rope_theta", 10000.0)
    if lora := more.get("lora"):
        model = peft.get_peft_model(model, peft.LoraConfig(r=lora[0], lora_alpha=lora[1], target_modules=TARGETS)).double().eval()
    with torch.no_grad():
        for theirs, p in model.named_parameters():
            p.requires_grad_(True)
            p.copy_(draw(*p.shape, sd=0.3, mean=1 if "norm" in theirs else 0))
    n = 7
    tokens = torch.randint(0, config.vocab_size, (n,), generator=generator)
    targets = torch.randint(0, config.vocab_size, (n,), generator=generator)
    targets[:2] = -1
    logits = model(input_ids=tokens[None], use_cache=False).logits[0]
    loss = F.cross_entropy(logits[2:], targets[2:], reduction="mean")
    loss.backward()
    pairs = [(our_name(theirs), p) for theirs, p in model.named_parameters()]
    out |= dict(tokens=tokens.tolist(), targets=targets.tolist(), loss=loss.item(), logits=array(logits),
                params={ours: array(our_layout(ours, p)) for ours, p in pairs},
                grads={ours: array(our_layout(ours, p.grad)) for ours, p in pairs})
    return out


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__)
    folder = folder if folder.is_dir() else folder.parent
    versions = dict(torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__)

    def write(name, content):
        text = json.dumps(dict(made_with=versions) | content, separators=(",", ":"), sort_keys=True)
        path = folder / f"{name}.json.gz"
        with open(path, "wb") as f, gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
            z.write(text.encode())
        print(path, path.stat().st_size)

    write("layers", dict(rmsnorm=rmsnorm(), rotary=rotary(), gated=gated(), attention=attention()))
    for case in NETWORKS:
        write(case[0], network(*case))


if __name__ == "__main__":
    main()
