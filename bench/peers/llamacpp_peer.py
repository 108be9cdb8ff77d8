#!/usr/bin/env python3
"""llama.cpp (the xllamacpp package) at the generation of `pedestrian bench`, as a worker of run.py.

    python llamacpp_peer.py CASE [--threads 2] [--type F32|F16|BF16|Q8_0] [--folder DIR]

The contract is torch_peer.py's. The model is written once as a GGUF file of random weights
in the published sizes, with names in place of tokens; prompts are lists of ids. The times
are llama.cpp's own: predicted_ms of the new tokens, prompt_ms of the prompt.
"""
import argparse
import contextlib
import json
import os
import random
import sys
import tempfile

import gguf
import numpy as np
import xllamacpp

MODELS = {  # vocabulary, context, width, hidden, blocks, heads, key/value heads, base of rotation, epsilon
    "gpt2": (50257, 1024, 768, 3072, 12, 12, 12, 0, 1e-5),
    "smollm2-135m": (49152, 8192, 576, 1536, 30, 9, 3, 1e5, 1e-5),
    "qwen2.5-0.5b": (151936, 32768, 896, 4864, 24, 14, 2, 1e6, 1e-6),
}


def rss_mib(field):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return 0.0


def say(**fields):
    print(json.dumps(fields), flush=True)


def write(path, model, kind):
    """Writes a network of random weights; tied, as all three are."""
    vocab, context, width, hidden, blocks, heads, kv, base, eps = MODELS[model]
    arch = {"gpt2": "gpt2", "smollm2-135m": "llama", "qwen2.5-0.5b": "qwen2"}[model]
    w = gguf.GGUFWriter(path, arch)
    w.add_context_length(context), w.add_embedding_length(width), w.add_block_count(blocks), w.add_feed_forward_length(hidden)
    w.add_head_count(heads), w.add_head_count_kv(kv), w.add_vocab_size(vocab)
    if arch == "gpt2":
        w.add_layer_norm_eps(eps)
    else:
        w.add_layer_norm_rms_eps(eps), w.add_rope_freq_base(base), w.add_rope_dimension_count(width // heads)
    w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("gpt-2")
    w.add_token_list([f"t{i}" for i in range(vocab)]), w.add_token_types([1] * vocab), w.add_token_merges(["t 0"])
    w.add_eos_token_id(0), w.add_bos_token_id(0)
    rnd = np.random.default_rng(1)
    quantum = gguf.GGMLQuantizationType[kind]

    def matrix(name, rows, cols):
        x = rnd.uniform(-0.02, 0.02, (rows, cols)).astype(np.float32)
        if kind == "F32":
            w.add_tensor(name, x)
        else:
            w.add_tensor(name, gguf.quants.quantize(x, quantum), raw_dtype=quantum)

    def vector(name, n, value):
        w.add_tensor(name, np.full(n, value, np.float32))

    matrix("token_embd.weight", vocab, width)
    head, d_kv = width // heads, width // heads * kv
    if arch == "gpt2":
        w.add_tensor("position_embd.weight", rnd.uniform(-0.02, 0.02, (context, width)).astype(np.float32))
    for i in range(blocks):
        b = f"blk.{i}."
        vector(b + "attn_norm.weight", width, 1), vector(b + "ffn_norm.weight", width, 1)
        if arch == "gpt2":
            vector(b + "attn_norm.bias", width, 0), vector(b + "ffn_norm.bias", width, 0)
            for name, rows, cols in (("attn_qkv", 3 * width, width), ("attn_output", width, width), ("ffn_up", hidden, width), ("ffn_down", width, hidden)):
                matrix(b + name + ".weight", rows, cols), vector(b + name + ".bias", rows, 0)
            continue
        for name, rows, cols in (("attn_q", head * heads, width), ("attn_k", d_kv, width), ("attn_v", d_kv, width), ("attn_output", width, head * heads),
                                 ("ffn_gate", hidden, width), ("ffn_up", hidden, width), ("ffn_down", width, hidden)):
            matrix(b + name + ".weight", rows, cols)
            if arch == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
                vector(b + name + ".bias", rows, 0)
    vector("output_norm.weight", width, 1)
    if arch == "gpt2":
        vector("output_norm.bias", width, 0)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("case")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--type", choices=["F32", "F16", "BF16", "Q8_0"], help="of the matrices; without it, that of the case")
    p.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "pedestrian-llamacpp"))
    a = p.parse_args()
    kind, model, *rest, precision = a.case.split("/")
    if kind not in ("generate", "prompt") or model not in MODELS or len(rest) != (kind == "prompt"):
        sys.exit(f"llamacpp_peer.py: unknown case {a.case!r}")
    libraries = rss_mib("VmRSS")  # they alone, before any weight
    stored = a.type or {"float32": "F32", "bf16": "BF16", "q8_0": "Q8_0"}[precision]
    os.makedirs(a.folder, exist_ok=True)
    path = os.path.join(a.folder, f"{model}-{stored}.gguf")
    if not os.path.exists(path):
        write(path + ".part", model, stored)
        os.replace(path + ".part", path)
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    o = xllamacpp.CommonParams()
    o.model.path = path
    o.n_ctx, o.n_parallel, o.warmup, o.n_batch, o.verbosity = 1024, 1, True, 512, -1
    o.cpuparams.n_threads = o.cpuparams_batch.n_threads = a.threads
    server = xllamacpp.Server(o)
    n_prompt, n_new = (int(rest[0]), 1) if kind == "prompt" else (32, 129)

    def once():
        answer = server.handle_completions(dict(prompt=[random.randrange(MODELS[model][0]) for _ in range(n_prompt)], n_predict=n_new,
                                                ignore_eos=True, cache_prompt=False, temperature=0, stream=False))
        t = answer.get("timings") or answer
        if "predicted_ms" not in t:
            sys.exit(f"llamacpp_peer.py: llama.cpp answered {str(answer)[:300]}")
        if kind == "prompt":
            return t["prompt_ms"] * n_prompt / t["prompt_n"]
        return t["predicted_ms"] * 128 / max(1, t["predicted_n"] - 1)

    def sample(n):
        return dict(ms=[once() for _ in range(n)], tokens=n_prompt if kind == "prompt" else 128)

    sample(2)
    info = xllamacpp.get_system_info().replace("\n", " ")
    say(ready=True, version=f"llama.cpp by xllamacpp {getattr(xllamacpp, '__version__', '')}, {stored}", kernel=info, import_mib=libraries)
    for line in sys.stdin:
        say(**sample(int(line)), peak_mib=rss_mib("VmHWM"))


if __name__ == "__main__":
    main()
