"""Writes GPT-2s in GGUF as llama.cpp's converter lays them out, with the package gguf and
numpy alone, and what their numbers are: read-*.gguf and read.json beside this file.
python read.py, gguf 0.19, numpy."""
import hashlib, json, os
import gguf
import numpy as np
from gguf import GGMLQuantizationType as Q

here = os.path.dirname(os.path.abspath(__file__))
d, blocks, heads, ctx, hidden = 32, 2, 4, 6, 96


def letters():
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 255 and b != 173]
    out, n = {b: chr(b) for b in printable}, 0
    for b in range(256):
        if b not in out:
            out[b], n = chr(256 + n), n + 1
    return [out[b] for b in printable] + [out[b] for b in range(256) if b not in printable]


tokens = letters() + ["he", "hey", "<|endoftext|>", "<|im_end|>", "[PAD260]"]
kinds = [1] * 258 + [3, 3, 5]
rng = np.random.default_rng(5)


def numbers(*shape):
    return (rng.standard_normal(shape) * 0.2).astype(np.float32)


# As the files of transformers have it: Conv1D, input by output.
theirs = {"wte.weight": numbers(len(tokens), d), "wpe.weight": numbers(ctx, d), "ln_f.weight": 1 + numbers(d), "ln_f.bias": numbers(d)}
for i in range(blocks):
    for name, shape in [("ln_1", None), ("attn.c_attn", (d, 3 * d)), ("attn.c_proj", (d, d)), ("ln_2", None), ("mlp.c_fc", (d, hidden)), ("mlp.c_proj", (hidden, d))]:
        theirs[f"h.{i}.{name}.weight"] = numbers(*shape) if shape else 1 + numbers(d)
        theirs[f"h.{i}.{name}.bias"] = numbers(shape[1] if shape else d)
names = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
         "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}


def ggml(name):
    stem, last = name.rsplit(".", 1)
    if stem.startswith("h."):
        _, i, layer = stem.split(".", 2)
        return f"blk.{i}.{names[layer]}.{last}"
    return names[stem] + "." + last


golden = []
for label, kind, head in [("f32", Q.F32, "none"), ("f16", Q.F16, "again"), ("bf16", Q.BF16, "none"), ("q8_0", Q.Q8_0, "own")]:
    path = os.path.join(here, f"read-{label}.gguf")
    w = gguf.GGUFWriter(path, "gpt2")
    w.add_name("foreign")
    w.add_block_count(blocks)
    w.add_context_length(ctx)
    w.add_embedding_length(d)
    w.add_feed_forward_length(hidden)
    w.add_head_count(heads)
    w.add_layer_norm_eps(1e-5)
    w.add_file_type(int(kind))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    w.add_token_merges(["h e", "he y"])
    w.add_bos_token_id(258)
    w.add_eos_token_id(258)
    if label == "q8_0":
        w.add_eot_token_id(259)
        w.add_chat_template("{{ messages[0]['content'] }}<|im_start|><|im_end|>")
    held = {}

    def add(name, x, kind):
        raw = gguf.quants.quantize(x, kind)
        held[name] = np.ascontiguousarray(gguf.quants.dequantize(raw, kind).astype(np.float32).reshape(x.shape))
        w.add_tensor(name, raw, raw_dtype=kind)

    for name, x in theirs.items():
        matrix = x.ndim == 2 and name.startswith("h.")
        add(ggml(name), np.ascontiguousarray(x.T) if matrix else x, kind if x.ndim == 2 and name != "wpe.weight" else Q.F32)
    if head == "again":
        add("output.weight", theirs["wte.weight"], kind)
    if head == "own":
        add("output.weight", numbers(len(tokens), d), kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    golden.append({"file": os.path.basename(path), "tied": head != "own", "numbers": {n: hashlib.sha256(x.tobytes()).hexdigest() for n, x in held.items()}})
with open(os.path.join(here, "read.json"), "w") as f:
    json.dump(golden, f, indent=1)
    f.write("\n")
