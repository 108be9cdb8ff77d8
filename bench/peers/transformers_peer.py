#!/usr/bin/env python3
"""transformers and PEFT at the work of `pedestrian bench`, as a worker of run.py.

    python transformers_peer.py CASE --mode eager|compile [--threads 2]

The contract is torch_peer.py's: one JSON line when it is warm, then for every line N on
standard input one JSON line with N repetitions of the case. Weights are random, in the
published sizes; nothing is downloaded. The pad token is -1 where nothing is padded, and
attention is PyTorch's fused one.
"""
import argparse
import contextlib
import json
import resource
import statistics
import sys
import time

import torch
import transformers


def rss_mib(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(**fields):
    print(json.dumps(fields), flush=True)


def config(model):
    if model == "gpt2":
        return transformers.GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    if model == "smollm2-135m":
        return transformers.LlamaConfig(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                                        num_key_value_heads=3, max_position_embeddings=8192, rope_theta=1e5, rms_norm_eps=1e-5, tie_word_embeddings=True)
    if model == "qwen2.5-0.5b":
        return transformers.Qwen2Config(vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
                                        num_key_value_heads=2, max_position_embeddings=32768, rope_theta=1e6, rms_norm_eps=1e-6, tie_word_embeddings=True)
    sys.exit(f"transformers_peer.py: unknown model {model!r}")


def network(model, dtype=torch.float32):
    torch.manual_seed(1)
    with torch.device("cpu"):
        return transformers.AutoModelForCausalLM.from_config(config(model), dtype=dtype, attn_implementation="sdpa")


def adapted(net, model):
    import peft  # here, so that its memory counts as libraries only where it is used
    rank, targets = (8, ["c_attn", "attn.c_proj", "c_fc", "mlp.c_proj"]) if model == "gpt2" else (16, "all-linear")
    return peft.get_peft_model(net, peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, task_type="CAUSAL_LM", fan_in_fan_out=model == "gpt2"))


def compiled(f, mode):
    if mode == "eager":
        return f
    return torch.compile(f)


def autocast(precision):
    return torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()


def train(model, b, t, precision, mode, lora):
    net = network(model)
    net.config.use_cache = False
    if lora:
        net = adapted(net, model)
    net.train()
    vocab = config(model).vocab_size
    trained = [p for p in net.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    ahead = compiled(net, mode)

    def step():
        tokens = torch.randint(vocab, (b, t + 1))
        t0 = time.perf_counter()
        with autocast(precision):
            logits = ahead(input_ids=tokens[:, :-1]).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        t1 = time.perf_counter()
        loss.backward()
        t2 = time.perf_counter()
        torch.nn.utils.clip_grad_norm_(trained, 1.0, foreach=True)
        opt.step()
        opt.zero_grad(set_to_none=True)
        t3 = time.perf_counter()
        return [1e3 * x for x in (t3 - t0, t1 - t0, t2 - t1, t3 - t2)]

    def sample(n):
        steps = [step() for _ in range(n)]
        phases = dict(zip(("forward", "backward", "optimizer"), (statistics.median(c) for c in list(zip(*steps))[1:])))
        return dict(ms=[s[0] for s in steps], tokens=b * t, phases=phases)

    return sample


def generate(model, precision, prompt=32, new=128):
    """transformers.generate with its cache; the prompt's time is taken off by a run of one token."""
    net = network(model, torch.bfloat16 if precision == "bf16" else torch.float32).eval()
    net.generation_config.pad_token_id = 0
    net.generation_config.eos_token_id = None

    def run(tokens, n):
        t0 = time.perf_counter()
        out = net.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=n, min_new_tokens=n, do_sample=False)
        assert out.shape[1] == tokens.shape[1] + n, out.shape
        return 1e3 * (time.perf_counter() - t0)

    @torch.inference_mode()
    def sample(n):
        ms = []
        for _ in range(n):
            tokens = torch.randint(config(model).vocab_size, (1, prompt))
            ms.append(run(tokens, new + 1) - run(tokens, 1))
        return dict(ms=ms, tokens=new)

    return sample


def read(model, t, precision, mode):
    """A prompt of t tokens, to the logits of the last."""
    net = network(model, torch.bfloat16 if precision == "bf16" else torch.float32).eval()
    ahead = compiled(net, mode)

    @torch.inference_mode()
    def sample(n):
        ms = []
        for _ in range(n):
            tokens = torch.randint(config(model).vocab_size, (1, t))
            t0 = time.perf_counter()
            ahead(input_ids=tokens, use_cache=True, logits_to_keep=1)
            ms.append(1e3 * (time.perf_counter() - t0))
        return dict(ms=ms, tokens=t)

    return sample


def case(name, mode):
    kind, model, *rest, precision = name.split("/")
    if kind in ("train", "lora") and len(rest) == 1:
        return train(model, *map(int, rest[0].split("x")), precision, mode, kind == "lora")
    if kind == "generate" and not rest:
        return generate(model, precision)
    if kind == "prompt" and len(rest) == 1:
        return read(model, int(rest[0]), precision, mode)
    sys.exit(f"transformers_peer.py: unknown case {name!r}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("case")
    p.add_argument("--mode", choices=["eager", "compile"], default="eager")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("highest")  # float32 is float32
    version = f"torch {torch.__version__}, transformers {transformers.__version__}"
    if a.case.startswith("lora/"):
        import peft
        version += f", peft {peft.__version__}"
    libraries = rss_mib("VmRSS")  # they alone, before any weight
    t0 = time.perf_counter()
    sample = case(a.case, a.mode)
    sample(2)  # compilation and first touch
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # forget the peak of compiling: VmHWM starts again from here
    say(ready=True, version=version, warm_s=time.perf_counter() - t0, import_mib=libraries)
    for line in sys.stdin:
        say(**sample(int(line)), peak_mib=rss_mib("VmHWM"))


if __name__ == "__main__":
    main()
