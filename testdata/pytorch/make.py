#!/usr/bin/env python3
"""Goldens from PyTorch: what float64 autograd says about seven small networks.

    python make.py [folder [name…]]   # default: the folder of this file, every network

Every network is assembled from PyTorch's own layers (nn.Embedding,
nn.MultiheadAttention, nn.LayerNorm, nn.Linear, nn.GELU, nn.ReLU,
nn.CrossEntropyLoss) and differentiated by PyTorch's autograd, so no formula of
this project takes part. Parameters are drawn under this project's names and
layouts, converted to PyTorch's on the way in, and gradients back on the way out.

Parameters are multiples of 2^-10: exact in float32 as in float64. A tensor is
{"shape": [...], "f64": base64 of its numbers, little-endian, row-major}.
"""
import base64
import gzip
import json
import math
import pathlib
import platform
import random
import sys

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

IGNORED = -1


# ---------------------------------------------------------------- configurations

def config(vocab, context, width, heads, blocks, activation, eps, bias, logits_bias, tied, key_dim=0, hidden=0, **scores):
    return dict(scores, vocab=vocab, context=context, width=width, heads=heads, blocks=blocks, key_dim=key_dim, hidden=hidden,
                activation=activation, eps=eps, bias=bias, logits_bias=logits_bias, tied=tied)


ALL = ["q", "k", "v", "attProj", "expand", "contract", "logits"]

# Within a network vocabulary, context, width, hidden, heads, d_h, d_ρ, rank, batch
# and the longest sequence all differ, so that a transposed or misplaced matrix
# cannot fit (d_ρ = d_h where nn.MultiheadAttention wants it; a batch of 1 aside);
# tokens repeat, some are absent, every sequence is shorter than the context.
# Ragged batches are padded with token 0 and ignored targets, as PyTorch users do.
CASES = [
    dict(name="paper", what="the structure of the paper's check: 1 block, 2 heads, ReLU, no ε, own logits with bias",
         config=config(11, 9, 6, 2, 1, "relu", 0, True, True, False), reduction="mean",
         batch=[([3, 7, 3, 0, 9], [7, 3, 0, 9, 5])]),
    dict(name="gpt2", what="GPT-2's structure: 3 blocks, 3 heads, erf GELU, tied, no logits bias; ragged batch, ignored targets",
         config=config(17, 11, 12, 3, 3, "gelu", 1e-5, True, False, True, hidden=20), reduction="mean",
         batch=[([4, 16, 4, 9, 1, 1, 12], [IGNORED, IGNORED, 9, 1, 1, 12, 4]),
                ([0, 9, 2, 2, 15], [9, 2, 2, IGNORED, 9])],
         adamw=dict(beta1=0.9, beta2=0.99, eps=1e-8, decay=0.1, clip=5.0,
                    lr=[0.002, 0.004, 0.006, 0.008, 0.01, 0.01, 0.009, 0.007, 0.004, 0.001])),
    dict(name="lora", what="LoRA beside every FC layer of a frozen base, α/r, tanh GELU; the logits stay frozen too",
         config=config(13, 8, 10, 2, 2, "gelu_tanh", 1e-5, True, True, False), reduction="mean", frozen=True,
         adapter=dict(rank=4, alpha=2.5, scaling="alpha/r", targets=ALL),
         batch=[([5, 12, 5, 0, 8, 8, 3], [IGNORED, IGNORED, 0, 8, 8, 3, 11]),
                ([1, 1, 12, 5], [1, 12, 5, 2]),
                ([8], [4])]),
    dict(name="nanogpt", what="nanoGPT's structure in one block: no biases, tied, erf GELU; the sum over tokens; a large ε",
         config=config(15, 13, 8, 4, 1, "gelu", 0.03, False, False, True), reduction="sum",
         batch=[([2, 14, 2, 6, 6, 0, 11], [14, 2, 6, 6, 0, 11, 3]),
                ([9, 9, 2, 1, 14, 5, 0], [9, 2, 1, 14, 5, 0, IGNORED]),
                ([6, 10], [10, 14])]),
    dict(name="keydim", what="queries and keys of another width than values, attention written out; α itself on q and v; every error signal",
         config=config(19, 12, 8, 2, 2, "gelu", 1e-5, True, True, False, key_dim=5, hidden=9), reduction="sum",
         adapter=dict(rank=6, alpha=0.75, scaling="alpha", targets=["q", "v"]),
         batch=[([18, 3, 3, 10, 0, 7], [3, 3, 10, 0, 7, 11]),
                ([6, 18, 6, 6, 2, 2, 13], [18, IGNORED, 6, 2, 2, 13, 14]),
                ([17], [16])]),
    dict(name="tiedlora", what="an adapter beside the tied logits (α/√r), base trained as well: three contributions meet in one matrix",
         config=config(14, 10, 6, 3, 1, "gelu_tanh", 1e-5, True, True, True, hidden=16), reduction="mean",
         adapter=dict(rank=4, alpha=1.5, scaling="alpha/sqrt_r", targets=["k", "expand", "logits"]),
         batch=[([13, 2, 2, 8, 0, 5, 8], [2, 2, 8, 0, 5, 8, 1])]),
    dict(name="scales", what="scores divided by i+1 in block i and not by √d_ρ, as transformers has them where it is asked to, attention written out; ten steps of AdamW",
         config=config(16, 9, 8, 2, 3, "gelu_tanh", 1e-5, True, False, True, key_dim=3, hidden=10, unscaled=True, scale_by_block=True), reduction="mean",
         batch=[([3, 15, 3, 8, 0, 0, 11], [15, 3, 8, IGNORED, 0, 11, 3]),
                ([7, 2, 2, 5, 15, 1], [2, 2, 5, 15, 1, 9])],
         adamw=dict(beta1=0.9, beta2=0.99, eps=1e-8, decay=0.1, clip=2.4,
                    lr=[0.002, 0.004, 0.006, 0.008, 0.01, 0.01, 0.009, 0.007, 0.004, 0.001])),
]


# ------------------------------------------------- parameters, our names and layouts

def shapes(c):
    """(name, shape) of every parameter; matrices are input×output."""
    d, h = c["width"], c["hidden"] or 4 * c["width"]
    dk = c["key_dim"] or d // c["heads"]
    out = [("tok.w", (c["vocab"], d)), ("pos.w", (c["context"], d))]

    def affine(name, weight, features):
        out.append((name + ".w", weight))
        if c["bias"]:
            out.append((name + ".b", (features,)))

    for i in range(c["blocks"]):
        b = f"block.{i}."
        affine(b + "ln1", (d,), d)
        qkv = 2 * c["heads"] * dk + d
        affine(b + "qkv", (d, qkv), qkv)
        affine(b + "attProj", (d, d), d)
        affine(b + "ln2", (d,), d)
        affine(b + "expand", (d, h), h)
        affine(b + "contract", (h, d), d)
    affine("lnFinal", (d,), d)
    if not c["tied"]:
        out.append(("logits.w", (d, c["vocab"])))
    if c["logits_bias"]:
        out.append(("logits.b", (c["vocab"],)))
    return out


def adapter_shapes(c, a):
    d, h, r = c["width"], c["hidden"] or 4 * c["width"], a["rank"]
    dk = c["heads"] * (c["key_dim"] or d // c["heads"])
    sides = dict(q=(d, dk), k=(d, dk), v=(d, d), attProj=(d, d), expand=(d, h), contract=(h, d), logits=(d, c["vocab"]))
    out = []
    for i in range(c["blocks"]):
        for t in ALL[:-1]:
            if t in a["targets"]:
                out += [(f"block.{i}.{t}.down", (sides[t][0], r)), (f"block.{i}.{t}.up", (r, sides[t][1]))]
    if "logits" in a["targets"]:
        out += [("logits.down", (d, r)), ("logits.up", (r, c["vocab"]))]
    return out


def generic_point(named_shapes, seed):
    """A point where nothing is special: gains around 1, biases far from 0."""
    rng = random.Random(seed)
    point = {}
    for name, shape in named_shapes:
        if len(shape) == 1:
            mean, std = (1, 0.3) if name.endswith(".w") else (0, 0.4)
        elif name in ("tok.w", "pos.w"):
            mean, std = 0, 0.8
        else:
            mean, std = 0, 1.2 / math.sqrt(shape[0])
        numbers = [round(rng.gauss(mean, std) * 1024) / 1024 for _ in range(math.prod(shape))]
        point[name] = torch.tensor(numbers).reshape(shape)
    return point


# ------------------------------------------------------------- the network in PyTorch

class LoRA(nn.Module):
    """scale · up(down(x)), two nn.Linear without biases."""

    def __init__(self, scale, down, up):
        super().__init__()
        self.scale = scale
        self.down = nn.Linear(*down.shape, bias=False)
        self.up = nn.Linear(*up.shape, bias=False)
        self.down.weight.data = down.T.clone()
        self.up.weight.data = up.T.clone()

    def forward(self, x):
        return self.scale * self.up(self.down(x))

    def delta(self):
        return self.scale * self.up.weight @ self.down.weight  # to be added to an nn.Linear's weight


class Written(nn.Module):
    """Attention written out, for d_ρ ≠ d_h, with every intermediate kept."""

    def __init__(self, c, i):
        super().__init__()
        self.h, self.dh = c["heads"], c["width"] // c["heads"]
        self.dk = c["key_dim"] or self.dh
        # as GPT2Attention of transformers: root and block each divide, or not
        self.over = (1 if c.get("unscaled") else math.sqrt(self.dk)) * (i + 1 if c.get("scale_by_block") else 1)
        self.in_proj = nn.Linear(c["width"], 2 * self.h * self.dk + c["width"])
        self.out_proj = nn.Linear(c["width"], c["width"])

    def forward(self, x, deltas, keep):
        w, b = self.in_proj.weight, self.in_proj.bias
        q_end, k_end = self.h * self.dk, 2 * self.h * self.dk
        wq, wk, wv = (m + deltas[t].delta() if t in deltas else m
                      for t, m in zip("qkv", (w[:q_end], w[q_end:k_end], w[k_end:])))
        bq, bk, bv = b[:q_end], b[q_end:k_end], b[k_end:]
        late = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        heads = []
        for h in range(self.h):
            qk, v = slice(h * self.dk, (h + 1) * self.dk), slice(h * self.dh, (h + 1) * self.dh)
            at = lambda name, value: keep(f"head.{h}", name, value)
            own = at("Δ_{i-1}^h", x * 1)  # one copy of the input a head and a branch: its gradient is that branch's
            values = at("Δ_{v_h}", own * 1) @ wv[v].T + bv[v]
            queries = at("Δ_{q_h}", own * 1) @ wq[qk].T + bq[qk]
            keys = at("Δ_{k_h}", own * 1) @ wk[qk].T + bk[qk]
            raw = at("Δ^raw", queries @ keys.mT)
            scaled = at("Δ^scaled", raw / self.over)
            causal = at("Δ^causal", scaled.masked_fill(late, -math.inf))
            heads.append(causal.softmax(-1) @ values)
        return self.out_proj(keep("", "Δ_3", torch.cat(heads, -1)))


class Block(nn.Module):
    def __init__(self, c, i):
        super().__init__()
        d, h = c["width"], c["hidden"] or 4 * c["width"]
        self.ln1 = nn.LayerNorm(d, eps=c["eps"], bias=c["bias"])
        self.att = Written(c, i) if c["key_dim"] else nn.MultiheadAttention(d, c["heads"], bias=c["bias"], batch_first=True)
        self.ln2 = nn.LayerNorm(d, eps=c["eps"], bias=c["bias"])
        self.expand = nn.Linear(d, h, bias=c["bias"])
        self.g = {"relu": nn.ReLU(), "gelu": nn.GELU(), "gelu_tanh": nn.GELU(approximate="tanh")}[c["activation"]]
        self.contract = nn.Linear(h, d, bias=c["bias"])
        self.lora = nn.ModuleDict()

    def beside(self, target, x):
        return self.lora[target](x) if target in self.lora else 0

    def attention(self, x, keep):
        if isinstance(self.att, Written):
            return self.att(x, self.lora, keep)
        # nn.MultiheadAttention does not call its projections: adapters are added to their weights.
        weights = dict(self.att.named_parameters())
        parts = [m + self.lora[t].delta() if t in self.lora else m
                 for t, m in zip("qkv", weights["in_proj_weight"].chunk(3))]
        weights["in_proj_weight"] = torch.cat(parts)
        if "attProj" in self.lora:
            weights["out_proj.weight"] = weights["out_proj.weight"] + self.lora["attProj"].delta()
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return torch.func.functional_call(self.att, weights, (x, x, x),
                                          dict(attn_mask=mask, is_causal=True, need_weights=False))[0]

    def forward(self, a1, keep):
        at = lambda name, value: keep("", name, value)
        a1 = at("Δ_1", a1)
        a2 = at("Δ_2", self.ln1(a1))
        a4 = at("Δ_4", self.attention(a2, keep))
        a5 = at("Δ_5", a1 + a4)
        a6 = at("Δ_6", self.ln2(a5))
        a7 = at("Δ_7", self.expand(a6) + self.beside("expand", a6))
        a8 = at("Δ_8", self.g(a7))
        a9 = at("Δ_9", self.contract(a8) + self.beside("contract", a8))
        return at("Δ_10", a5 + a9)


class GPT(nn.Module):
    def __init__(self, c, point, adapter, apoint):
        super().__init__()
        self.c = c
        self.tok = nn.Embedding(c["vocab"], c["width"])
        self.pos = nn.Embedding(c["context"], c["width"])
        self.blocks = nn.ModuleList(Block(c, i) for i in range(c["blocks"]))
        self.lnFinal = nn.LayerNorm(c["width"], eps=c["eps"], bias=c["bias"])
        self.logits = nn.Linear(c["width"], c["vocab"], bias=c["logits_bias"])
        if c["tied"]:
            self.logits.weight = self.tok.weight
        for name, (parameter, transposed) in self.ours().items():
            value = point[name]
            with torch.no_grad():
                parameter.copy_(value.T if transposed else value)
        self.loras = {}
        if adapter:
            r, α = adapter["rank"], adapter["alpha"]
            scale = {"alpha": α, "alpha/r": α / r, "alpha/sqrt_r": α / math.sqrt(r)}[adapter["scaling"]]
            for name in [n.removesuffix(".down") for n in apoint if n.endswith(".down")]:
                lora = LoRA(scale, apoint[name + ".down"], apoint[name + ".up"])
                self.loras[name] = lora
                if name != "logits":
                    _, i, target = name.split(".")
                    self.blocks[int(i)].lora[target] = lora

    def ours(self):
        """This project's name of every parameter → (PyTorch's, whether it is the transpose)."""
        names = {"tok.w": (self.tok.weight, False), "pos.w": (self.pos.weight, False)}

        def affine(name, layer, transposed):
            names[name + ".w"] = (layer.weight, transposed)
            if layer.bias is not None:
                names[name + ".b"] = (layer.bias, False)

        for i, b in enumerate(self.blocks):
            affine(f"block.{i}.ln1", b.ln1, False)
            if isinstance(b.att, Written):
                affine(f"block.{i}.qkv", b.att.in_proj, True)
            else:
                names[f"block.{i}.qkv.w"] = (b.att.in_proj_weight, True)
                if b.att.in_proj_bias is not None:
                    names[f"block.{i}.qkv.b"] = (b.att.in_proj_bias, False)
            affine(f"block.{i}.attProj", b.att.out_proj, True)
            affine(f"block.{i}.ln2", b.ln2, False)
            affine(f"block.{i}.expand", b.expand, True)
            affine(f"block.{i}.contract", b.contract, True)
        affine("lnFinal", self.lnFinal, False)
        if not self.c["tied"]:
            names["logits.w"] = (self.logits.weight, True)
        if self.logits.bias is not None:
            names["logits.b"] = (self.logits.bias, False)
        return names

    def forward(self, tokens, keep):
        x = self.tok(tokens) + self.pos(torch.arange(tokens.shape[1]))
        for i, b in enumerate(self.blocks):
            x = b(x, lambda place, name, value, i=i: keep(f"block.{i}" + ("." + place if place else ""), name, value))
        x = keep("", "Δ_11", self.lnFinal(x))
        beside = self.loras["logits"](x) if "logits" in self.loras else 0
        return keep("", "Δ_12", self.logits(x) + beside)


# ------------------------------------------------------------------------ judgement

def tensor(t):
    raw = t.detach().to(torch.float64).contiguous().numpy().astype("<f8").tobytes()
    return {"shape": list(t.shape), "f64": base64.b64encode(raw).decode()}


def padded(batch):
    longest = max(len(tokens) for tokens, _ in batch)
    tokens = torch.tensor([t + [0] * (longest - len(t)) for t, _ in batch])
    targets = torch.tensor([g + [IGNORED] * (longest - len(g)) for _, g in batch])
    return tokens, targets


def gradients(net):
    return {name: tensor(p.grad.T if transposed else p.grad) for name, (p, transposed) in net.ours().items()}


def train(net, tokens, targets, criterion, h):
    """AdamW as nanoGPT sets it up: decay on matrices only, clipped by the global norm."""
    parameters = list(net.parameters())
    groups = [dict(params=[p for p in parameters if p.dim() > 1], weight_decay=h["decay"]),
              dict(params=[p for p in parameters if p.dim() == 1], weight_decay=0.0)]
    opt = torch.optim.AdamW(groups, lr=0, betas=(h["beta1"], h["beta2"]), eps=h["eps"], foreach=False)
    losses, norms = [], []
    for lr in h["lr"]:
        for g in opt.param_groups:
            g["lr"] = lr
        opt.zero_grad()
        loss = criterion(net(tokens, lambda place, name, value: value).flatten(0, 1), targets.flatten())
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(parameters, h["clip"], foreach=False)))
        losses.append(float(loss.detach()))
        opt.step()
    params = {name: tensor(p.T if transposed else p) for name, (p, transposed) in net.ours().items()}
    return dict(h, losses=losses, norms=norms, params=params)


def judge(case, seed):
    c, adapter = case["config"], case.get("adapter")
    point = generic_point(shapes(c), seed)
    apoint = generic_point(adapter_shapes(c, adapter), seed + 1) if adapter else {}
    net = GPT(c, point, adapter, apoint)
    assert {n: tuple(p.T.shape if t else p.shape) for n, (p, t) in net.ours().items()} == dict(shapes(c))
    if case.get("frozen"):
        for p, _ in net.ours().values():
            p.requires_grad_(False)

    kept = []

    def keep(place, name, value):
        if value.requires_grad:  # below the lowest adapter of a frozen base nothing has a gradient
            value.retain_grad()
            kept.append((place, name, value))
        return value

    tokens, targets = padded(case["batch"])
    criterion = nn.CrossEntropyLoss(ignore_index=IGNORED, reduction=case["reduction"])
    logits = net(tokens, keep)
    loss = criterion(logits.flatten(0, 1), targets.flatten())
    loss.backward()

    errors = []
    for s, (ids, _) in enumerate(case["batch"]):
        n = len(ids)
        for place, name, value in kept:
            g = value.grad[s, :n]
            if name in ("Δ^raw", "Δ^scaled", "Δ^causal"):
                g = g[:, :n]
            errors.append(dict(tensor(g), at=f"seq.{s}" + ("." + place if place else ""), name=name))

    golden = dict(
        name=case["name"], what=case["what"],
        made_with=dict(torch=torch.__version__, python=platform.python_version(), script="testdata/pytorch/make.py"),
        config=c, adapter=adapter, frozen=bool(case.get("frozen")), reduction=case["reduction"],
        batch=[dict(tokens=t, targets=g) for t, g in case["batch"]],
        params={n: tensor(v) for n, v in point.items()},
        adapter_params={n: tensor(v) for n, v in apoint.items()},
        loss=float(loss.detach()),
        logits=[tensor(logits[s, :len(t)]) for s, (t, _) in enumerate(case["batch"])],
        grads={} if case.get("frozen") else gradients(net),
        adapter_grads={f"{n}.{side}": tensor(getattr(l, side).weight.grad.T) for n, l in net.loras.items() for side in ("down", "up")},
        errors=errors,
    )
    if "adamw" in case:
        golden["adamw"] = train(net, tokens, targets, criterion, case["adamw"])
    return golden


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    total = 0
    for i, case in enumerate(CASES):
        if sys.argv[2:] and case["name"] not in sys.argv[2:]:
            continue
        golden = judge(case, 1000 + 10 * i)
        text = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode()
        packed = gzip.compress(text, 9, mtime=0)  # no time stamp: the same goldens, the same file
        (folder / (case["name"] + ".json.gz")).write_bytes(packed)
        total += len(packed)
        n = sum(math.prod(t["shape"]) for t in golden["params"].values())
        print(f"{case['name']:9} {n:5} parameters {len(golden['grads']) + len(golden['adapter_grads']):3} gradients "
              f"{len(golden['errors']):3} error signals  loss {golden['loss']:.12f}  {len(packed):6} bytes")
    print(f"{total} bytes in all, torch {torch.__version__}")


if __name__ == "__main__":
    main()
