#!/usr/bin/env python3
"""Goldens from PyTorch: four updates of training, written out.

    python trajectory.py [folder]        # default: the folder trajectory beside this file

Two runs, one of all parameters and one of an adapter beside a frozen base: warm-up,
micro-batches with different numbers of targets, documents in a row, clipping, decay
of matrices, rates of LoRA+, and dropout at every site under masks of their own. The
forward pass is written with torch's functions, the gradients are autograd's and the
update is torch.optim.AdamW's, all in float64.

Dropout masks are computed here, in Python's integers, from their definition: number i
of a stream with key k is SplitMix64's output function of k + (i+1)·0x9e37…; a stream
within a stream has the key rotl32(bits(k, i)); what is left out are numbers whose
upper 32 bits are below p·2^32. They are in the golden, too.
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
from torch.nn import functional as F

from make import IGNORED, adapter_shapes, config, generic_point, shapes, tensor

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

WORD = (1 << 64) - 1


# ------------------------------------------------------------------------- masks

def bits(key, i):
    z = (key + (i + 1) * 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


def sub(key, i):
    b = bits(key, i)
    return (b << 32 | b >> 32) & WORD


class Masks:
    """The masks of one micro-batch, which has a number of its own in the run."""
    SITES = dict(embedding=0, attention=1, projection=2, contract=3)
    LAYERS = dict(qkv=0, attProj=1, expand=2, contract=3, logits=4)

    def __init__(self, seed, number, p, adapter_p, written):
        self.key, self.p, self.adapter_p, self.written = sub(seed, number), p, adapter_p, written

    def __of(self, p, key, numbers, what):
        drop = int(p * 2**32)
        kept = [[int((bits(key, i) >> 32) >= drop) for i in row] for row in numbers]
        self.written[what] = self.written.get(what, []) + ["".join(map(str, row)) for row in kept]
        return torch.tensor(kept, dtype=torch.float64) / (1 - p)

    def rows(self, block, site, x):
        """Of a matrix with a row for each token of the batch."""
        if self.p == 0:
            return 1.0
        n, d = x.shape
        return self.__of(self.p, sub(self.key, block * 4 + self.SITES[site]), [range(t * d, (t + 1) * d) for t in range(n)], f"block.{block}.{site}")

    def attention(self, block, document, head, heads, n):
        if self.p == 0:
            return 1.0
        at = document * heads + head
        numbers = [[((at << 20) + i << 20) + j for j in range(n)] for i in range(n)]
        return self.__of(self.p, sub(self.key, block * 4 + self.SITES["attention"]), numbers, f"block.{block}.attention")

    def adapter(self, block, layer, x):
        if self.adapter_p == 0:
            return 1.0
        n, d = x.shape
        key = sub(sub(self.key, 1 << 63), block * 5 + self.LAYERS[layer])
        return self.__of(self.adapter_p, key, [range(t * d, (t + 1) * d) for t in range(n)], f"block.{block}.{layer}.adapter")


# ----------------------------------------------------------------------- network

def documents(micro, width):
    """(from, to) of every document among the tokens of a micro-batch."""
    cuts = sorted(set(range(0, len(micro["tokens"]) + 1, width)) | set(micro["starts"]))
    return list(zip(cuts, cuts[1:]))


def losses(c, p, scale, micro, row, masks):
    """The sum of the losses of the tokens that have a target."""
    d, heads = c["width"], c["heads"]
    dh = d // heads
    docs = documents(micro, row)
    tokens = torch.tensor(micro["tokens"])
    positions = torch.cat([torch.arange(b - a) for a, b in docs])
    norm = lambda name, x: F.layer_norm(x, (d,), p[name + ".w"], p[name + ".b"], c["eps"])

    def layer(name, x, block, site, parts):
        y = x @ p[name + ".w"] + p.get(name + ".b", 0)
        if not any(part + ".down" in p for part, _, _ in parts):
            return y
        under = x * masks.adapter(block, site, x)
        for part, a, b in parts:
            if part + ".down" in p:
                y = y + F.pad(scale * (under @ p[part + ".down"]) @ p[part + ".up"], (a, y.shape[1] - b))
        return y

    x = p["tok.w"][tokens] + p["pos.w"][positions]
    x = x * masks.rows(0, "embedding", x)
    for i in range(c["blocks"]):
        b = f"block.{i}."
        qkv = layer(b + "qkv", norm(b + "ln1", x), i, "qkv", [(b + t, j * d, (j + 1) * d) for j, t in enumerate("qkv")])
        out = torch.zeros_like(x)
        for n, (start, end) in enumerate(docs):
            late = torch.ones(end - start, end - start, dtype=torch.bool).triu(1)
            for h in range(heads):
                q, k, v = (qkv[start:end, j * d + h * dh:j * d + (h + 1) * dh] for j in range(3))
                rho = (q @ k.T / math.sqrt(dh)).masked_fill(late, -math.inf).softmax(-1)
                rho = rho * masks.attention(i, n, h, heads, end - start)
                out = torch.index_put(out, (torch.arange(start, end)[:, None], torch.arange(h * dh, (h + 1) * dh)[None]), rho @ v)
        y = layer(b + "attProj", out, i, "attProj", [(b + "attProj", 0, d)])
        x = x + y * masks.rows(i, "projection", y)
        y = layer(b + "expand", norm(b + "ln2", x), i, "expand", [(b + "expand", 0, c["hidden"])])
        y = layer(b + "contract", F.gelu(y, approximate="tanh"), i, "contract", [(b + "contract", 0, d)])
        x = x + y * masks.rows(i, "contract", y)
    x = norm("lnFinal", x)
    if c["tied"]:
        logits = x @ p["tok.w"].T
    else:
        logits = layer("logits", x, 0, "logits", [("logits", 0, c["vocab"])])
    return F.cross_entropy(logits, torch.tensor(micro["targets"]), ignore_index=IGNORED, reduction="sum")


# -------------------------------------------------------------------------- runs

def micro_batch(rng, vocab, rows, row, documents):
    """Documents side by side, of which the first token or two and the last row's end are no targets."""
    n = rows * row
    tokens = [rng.randrange(vocab) for _ in range(n)]
    starts = sorted(rng.sample([t for t in range(n) if t % row], documents))
    ends = set(starts + list(range(0, n + 1, row)))
    targets = [IGNORED if t + 1 in ends and rng.random() < 0.7 else rng.randrange(vocab) for t in range(n)]
    for t in rng.sample(range(n), rng.randrange(2, 7)):
        targets[t] = IGNORED
    return dict(tokens=tokens, targets=targets, starts=starts)


def run(case, seed):
    c, o, a = case["config"], case["options"], case.get("adapter")
    base = generic_point(shapes(c), seed)
    trained = base
    scale = 1.0
    if a:
        trained = generic_point(adapter_shapes(c, a), seed + 1)
        for name in list(trained):
            trained[name] = trained[name] / 4
        biases = {n: v for n, v in generic_point([(n, s) for n, s in shapes(c) if n.endswith(".b")], seed + 2).items()}
        trained |= biases  # bias "all": they stand in the place of the base's
        scale = a["alpha"] / a["rank"]
    first = {n: tensor(v) for n, v in trained.items()}
    parameters = {n: v.clone().requires_grad_(True) for n, v in trained.items()}
    everything = base | parameters
    vector = lambda n: parameters[n].dim() == 1
    fast = lambda n: a is not None and (vector(n) or n.endswith(".up"))
    groups = {}
    for n, v in parameters.items():
        groups.setdefault((vector(n), fast(n)), []).append(v)
    opt = torch.optim.AdamW([dict(params=vs, weight_decay=0.0 if key[0] else o["decay"], faster=key[1]) for key, vs in groups.items()],
                            lr=0, betas=(o["beta1"], o["beta2"]), eps=o["adam_eps"], foreach=False)
    rng = random.Random(seed + 3)
    steps, masks_written = [], []
    for i, rate in enumerate(case["rates"]):
        position = case["position"] + i
        micros = [micro_batch(rng, c["vocab"], o["batch"], c["context"], 1 + (i + k) % 3) for k in range(o["accumulate"])]
        counted = sum(t != IGNORED for m in micros for t in m["targets"])
        total = 0.0
        opt.zero_grad()
        for k, m in enumerate(micros):
            written = {}
            masks = Masks(o["seed"], position * o["accumulate"] + k, o["dropout"], a["dropout"] if a else 0, written)
            loss = losses(c, everything, scale, m, c["context"], masks)
            (loss / counted).backward()
            total += float(loss.detach())
            masks_written.append(written)
        norm = math.sqrt(sum(float((v.grad ** 2).sum()) for v in parameters.values()))
        clipped = min(1.0, o["clip"] / norm)
        for v in parameters.values():
            v.grad *= clipped
        for g in opt.param_groups:
            g["lr"] = rate * (case["lora_plus"] if g["faster"] else 1)
        opt.step()
        steps.append(dict(batches=micros, rate=rate, loss=total / counted, norm=norm, scale=clipped, counted=counted,
                          params={n: tensor(v) for n, v in parameters.items()}))
    moment = lambda key: {n: tensor(opt.state[v][key]) for n, v in parameters.items()}
    return dict(
        name=case["name"], what=case["what"],
        made_with=dict(torch=torch.__version__, python=platform.python_version(), script="testdata/pytorch/trajectory.py"),
        config=c, adapter=a, options=o, lora_plus=case.get("lora_plus", 0), position=case["position"],
        base={n: tensor(v) for n, v in base.items()} if a else {}, params=first,
        steps=steps, m=moment("exp_avg"), v=moment("exp_avg_sq"), masks=masks_written)


# The rates are the whole of a warm-up of four steps. ε is as large as the gradients'
# own size, so that where it stands counts; the limit of the norm is such that some
# steps are clipped and some are not.
CASES = [
    dict(name="all", what="all parameters, tied; 2 micro-batches; dropout of embeddings, attention and branches",
         config=config(11, 7, 8, 2, 2, "gelu_tanh", 1e-5, True, False, True, hidden=12),
         options=dict(batch=2, accumulate=2, lr=0.02, warmup=4, beta1=0.8, beta2=0.95, adam_eps=0.02, decay=0.3, clip=4.2, dropout=0.3, seed=77),
         position=3, rates=[0.005, 0.01, 0.015, 0.02]),
    dict(name="adapter", what="LoRA beside every layer and all biases, the base frozen; LoRA+; 3 micro-batches; dropout of the adapters' inputs and of the network",
         config=config(13, 6, 8, 2, 2, "gelu_tanh", 1e-5, True, True, False, hidden=10),
         adapter=dict(rank=2, alpha=3.0, scaling="alpha/r", targets=["q", "k", "v", "attProj", "expand", "contract", "logits"], dropout=0.2, bias="all"),
         options=dict(batch=2, accumulate=3, lr=0.04, warmup=4, beta1=0.7, beta2=0.9, adam_eps=0.03, decay=0.5, clip=1.25, dropout=0.1, seed=99),
         lora_plus=4.0, position=2, rates=[0.01, 0.02, 0.03, 0.04]),
]


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "trajectory"
    for i, case in enumerate(CASES):
        golden = run(case, 4000 + 10 * i)
        text = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode()
        packed = gzip.compress(text, 9, mtime=0)
        (folder / (case["name"] + ".json.gz")).write_bytes(packed)
        for s in golden["steps"]:
            print(f"{case['name']:8} rate {s['rate']:.3f} loss {s['loss']:.12f} norm {s['norm']:.9f} scale {s['scale']:.9f} of {s['counted']} targets")
        print(f"{case['name']:8} {len(golden['params'])} tensors, {len(packed)} bytes")


if __name__ == "__main__":
    main()
