#!/usr/bin/env python3
"""PyTorch at the work of `pedestrian bench`, as a worker of run.py.

    python torch_peer.py CASE --mode eager|compile [--threads 2] [--text FILE]

Prints one JSON line when it is warm, then for every line N on standard input one
JSON line with N repetitions of the case, until standard input ends. README.md says what
the cases are. PyTorch is tuned: fused AdamW, fused attention, a compiled
model through the C++ wrapper, denormals flushed; run.py sets the environment.
"""
import argparse
import contextlib
import itertools
import json
import math
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


def rss_mib(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


IMPORT_MIB = rss_mib("VmRSS")  # the libraries alone


def say(**fields):
    print(json.dumps(fields), flush=True)


# ------------------------------------------------------------------------- the network

class Block(nn.Module):
    def __init__(self, d, heads, bias, gelu):
        super().__init__()
        self.heads, self.gelu = heads, gelu
        self.ln1 = nn.LayerNorm(d, bias=bias)
        self.qkv = nn.Linear(d, 3 * d, bias=bias)
        self.proj = nn.Linear(d, d, bias=bias)
        self.ln2 = nn.LayerNorm(d, bias=bias)
        self.expand = nn.Linear(d, 4 * d, bias=bias)
        self.contract = nn.Linear(4 * d, d, bias=bias)

    def split(self, x):
        b, t, d = x.shape
        return (m.view(b, t, self.heads, d // self.heads).transpose(1, 2) for m in self.qkv(self.ln1(x)).chunk(3, -1))

    def join(self, x, y):
        x = x + self.proj(y.transpose(1, 2).reshape(x.shape))
        return x + self.contract(F.gelu(self.expand(self.ln2(x)), approximate=self.gelu))

    def forward(self, x):
        q, k, v = self.split(x)
        return self.join(x, F.scaled_dot_product_attention(q, k, v, is_causal=True))

    def cached(self, x, cache, at, mask):
        """One more token: cache is (2, 1, heads, capacity, d_h)."""
        q, k, v = self.split(x)
        if mask is None:  # eager: a slice of what is filled
            cache[0, :, :, at:at + x.shape[1]], cache[1, :, :, at:at + x.shape[1]] = k, v
            end = at + x.shape[1]
            y = F.scaled_dot_product_attention(q, cache[0, :, :, :end], cache[1, :, :, :end], is_causal=x.shape[1] > 1)
        else:  # compiled: one graph for every position
            cache[0].index_copy_(2, at, k)
            cache[1].index_copy_(2, at, v)
            y = F.scaled_dot_product_attention(q, cache[0], cache[1], attn_mask=mask)
        return self.join(x, y)


class GPT(nn.Module):
    def __init__(self, vocab, context, width, heads, blocks, bias, gelu):
        super().__init__()
        self.heads = heads
        self.tok = nn.Embedding(vocab, width)
        self.pos = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, bias, gelu) for _ in range(blocks))
        self.ln = nn.LayerNorm(width, bias=bias)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * blocks) if "proj" in name or "contract" in name else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, tokens, targets):
        x = self.tok(tokens) + self.pos.weight[:tokens.shape[1]]
        for b in self.blocks:
            x = b(x)
        return F.cross_entropy(F.linear(self.ln(x), self.tok.weight).flatten(0, 1), targets.flatten())

    def next(self, tokens, caches, at, mask):
        x = self.tok(tokens) + (self.pos.weight[at:at + tokens.shape[1]] if mask is None else self.pos(at))
        for b, cache in zip(self.blocks, caches):
            x = b.cached(x, cache, at, mask)
        return F.linear(self.ln(x[:, -1]), self.tok.weight).argmax(-1, keepdim=True)


GPT2 = dict(vocab=50257, context=1024, width=768, heads=12, blocks=12, bias=True, gelu="tanh")
CHAR = dict(vocab=65, context=64, width=128, heads=4, blocks=4, bias=False, gelu="none")


class OneDNN(torch.autograd.Function):
    """x wᵗ by PyTorch's own oneDNN, through an operator that it keeps for compiled inference; backward as well."""

    @staticmethod
    def forward(x, w, b):
        return torch.ops.mkldnn._linear_pointwise(x, w, b, "none", [], "")

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])
        ctx.bias = inputs[2] is not None

    @staticmethod
    def backward(ctx, dy):
        x, w = (m.flatten(0, -2) for m in ctx.saved_tensors)
        flat, product = dy.flatten(0, -2), torch.ops.mkldnn._linear_pointwise
        dx = product(flat, w.T, None, "none", [], "").view(ctx.saved_tensors[0].shape)
        return dx, product(flat.T, x.T, None, "none", [], ""), flat.sum(0) if ctx.bias else None


def compiled(f, mode):
    if mode in ("eager", "onednn"):
        return f
    import torch._inductor.config as inductor
    inductor.cpp_wrapper = mode == "compile"
    return torch.compile(f, mode="max-autotune" if mode == "autotune" else "default")


def autocast(precision):
    return torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()


class Trainer:
    """A step: forward, backward, clip to norm 1, AdamW with decay on matrices only."""

    def __init__(self, config, precision, mode, lr=3e-4, betas=(0.9, 0.99), seed=1):
        torch.manual_seed(seed)
        self.net = GPT(**config)
        if mode == "onednn":
            F.linear = lambda x, w, b=None: OneDNN.apply(x, w, b)
        self.loss = compiled(self.net, mode)
        self.precision = precision
        groups = [dict(params=[p for p in self.net.parameters() if p.dim() == 2], weight_decay=0.1),
                  dict(params=[p for p in self.net.parameters() if p.dim() == 1], weight_decay=0.0)]
        self.opt = torch.optim.AdamW(groups, lr=lr, betas=betas, fused=True)

    def step(self, tokens, targets):
        t0 = time.perf_counter()
        with autocast(self.precision):
            loss = self.loss(tokens, targets)
        t1 = time.perf_counter()
        loss.backward()
        t2 = time.perf_counter()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0, foreach=True)
        self.opt.step()
        self.opt.zero_grad(set_to_none=True)
        t3 = time.perf_counter()
        return [1e3 * t for t in (t3 - t0, t1 - t0, t2 - t1, t3 - t2)]


# --------------------------------------------------------------------------- the cases
# Each makes a function of the number of repetitions that returns the fields of a sample.

def train(config, b, t, precision, mode):
    trainer = Trainer(config, precision, mode)
    batch = lambda: torch.randint(config["vocab"], (b, t))

    def sample(n):
        steps = [trainer.step(batch(), batch()) for _ in range(n)]
        phases = dict(zip(("forward", "backward", "optimizer"), (statistics.median(c) for c in list(zip(*steps))[1:])))
        return dict(ms=[s[0] for s in steps], tokens=b * t, phases=phases)

    return sample


def generate(precision, mode, prompt=32, new=128):
    torch.manual_seed(1)
    net = GPT(**GPT2).requires_grad_(False)
    if precision == "bf16":
        net = net.bfloat16()
    d_h, capacity = GPT2["width"] // GPT2["heads"], prompt + new
    dtype = next(net.parameters()).dtype
    caches = [torch.zeros(2, 1, GPT2["heads"], capacity, d_h, dtype=dtype) for _ in net.blocks]
    step = compiled(net.next, mode)
    causal = torch.ones(capacity, capacity, dtype=torch.bool).tril()

    @torch.inference_mode()
    def sample(n):
        ms = []
        for _ in range(n):
            token = net.next(torch.randint(GPT2["vocab"], (1, prompt)), caches, 0, None)
            t0 = time.perf_counter()
            for at in range(prompt, capacity):
                if mode == "eager":
                    token = step(token, caches, at, None)
                else:
                    token = step(token, caches, torch.tensor([at]), causal[at:at + 1])
            ms.append(1e3 * (time.perf_counter() - t0))
        return dict(ms=ms, tokens=new)

    return sample


def gemm(form, m, n, k, precision):
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    x = torch.randn(k, m).to(dtype).T if form == "tn" else torch.randn(m, k).to(dtype)
    y = torch.randn(n, k).to(dtype).T if form == "nt" else torch.randn(k, n).to(dtype)
    out = torch.empty(m, n, dtype=dtype)

    def sample(reps):
        ms = []
        for _ in range(reps):
            t0 = time.perf_counter()
            torch.mm(x, y, out=out)
            ms.append(1e3 * (time.perf_counter() - t0))
        return dict(ms=ms, flop=2 * m * n * k)

    return sample


def run_char(precision, mode, text, target=1.90, steps=2000, b=12, t=64, every=250):
    """nanoGPT's CPU character run, until the end; the validation split is read in whole windows."""
    chars = sorted(set(text))
    index = {c: i for i, c in enumerate(chars)}
    ids = torch.tensor([index[c] for c in text])
    cut = int(0.9 * len(ids))
    fit, val = ids[:cut], ids[cut:]
    n_val = (len(val) - 1) // t
    val_x, val_y = val[:n_val * t].view(n_val, t), val[1:n_val * t + 1].view(n_val, t)
    config = dict(CHAR, vocab=len(chars))

    def evaluate(trainer):
        rows, total = n_val // b * b, 0.0  # batches of the training shape: nothing is compiled twice
        with torch.no_grad(), autocast(precision):
            for i in range(0, rows, b):
                total += float(trainer.loss(val_x[i:i + b], val_y[i:i + b])) * b
        return total / rows

    def rate(i):
        if i < 100:
            return 1e-3 * (i + 1) / 101
        return 1e-4 + 0.5 * (1 + math.cos(math.pi * (i - 100) / (steps - 100))) * 9e-4

    seeds = itertools.count(1337)
    warm = Trainer(config, precision, mode, lr=1e-3)
    warm.step(fit[:b * t].view(b, t), fit[1:b * t + 1].view(b, t))
    evaluate(warm)

    def sample(n):
        seconds, to_target, train_s, losses = [], [], [], []
        for seed in itertools.islice(seeds, n):
            trainer = Trainer(config, precision, mode, lr=1e-3, seed=seed)
            t0, evaluating, hit = time.perf_counter(), 0.0, None
            for i in range(steps):
                for g in trainer.opt.param_groups:
                    g["lr"] = rate(i)
                at = torch.randint(len(fit) - t, (b,))
                trainer.step(torch.stack([fit[j:j + t] for j in at]), torch.stack([fit[j + 1:j + t + 1] for j in at]))
                if (i + 1) % every == 0:
                    t1 = time.perf_counter()
                    loss = evaluate(trainer)
                    evaluating += time.perf_counter() - t1
                    if hit is None and loss <= target:
                        hit = time.perf_counter() - t0
            total = time.perf_counter() - t0
            seconds.append(total), to_target.append(hit), train_s.append(total - evaluating), losses.append(loss)
        return dict(ms=[1e3 * s for s in seconds], s_to_target=to_target, s_train=train_s, val_loss=losses, tokens=steps * b * t)

    return sample


def case(name, mode, text):
    part = name.split("/")
    precision = part[-1]
    if part[:2] == ["train", "gpt2"]:
        b, t = map(int, part[2].split("x"))
        return train(GPT2, b, t, precision, mode)
    if part[:2] == ["train", "char"]:
        b, t = map(int, part[2].split("x"))
        return train(CHAR, b, t, precision, mode)
    if part[:2] == ["generate", "gpt2"]:
        return generate(precision, mode)
    if part[0] == "gemm":
        return gemm(part[1], *map(int, part[2].split("x")), precision)
    if part[:2] == ["run", "char"]:
        if not text:
            sys.exit("torch_peer.py: run/char needs --text FILE")
        with open(text) as f:
            return run_char(precision, mode, f.read())
    sys.exit(f"torch_peer.py: unknown case {name!r}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("case")
    p.add_argument("--mode", choices=["eager", "compile", "autotune", "onednn"], default="eager")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--text")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("highest")  # float32 is float32
    t0 = time.perf_counter()
    sample = case(a.case, a.mode, a.text)
    if not a.case.startswith("run/"):
        sample(2)  # compilation and first touch
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # forget the peak of compiling: VmHWM starts again from here
    say(ready=True, version=torch.__version__, warm_s=time.perf_counter() - t0, import_mib=IMPORT_MIB)
    for line in sys.stdin:
        s = sample(int(line))
        say(**s, peak_mib=rss_mib("VmHWM"))


if __name__ == "__main__":
    main()
