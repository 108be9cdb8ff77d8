"""Writes adapter.gguf as llama.cpp's convert_lora_to_gguf.py does, by the gguf package, and
adapter.json with what it adds to each weight (input by output, in Hugging Face's order of
columns): alpha / r times B A. Run with the packages gguf and numpy: python adapter.py
"""
import json
import numpy as np
import gguf

WIDTH, HEADS, KV, HEAD, HIDDEN, BLOCKS, ALPHA = 8, 2, 1, 4, 12, 2, 6.0
OUT = {"attn_q": HEADS * HEAD, "attn_k": KV * HEAD, "attn_v": KV * HEAD, "attn_output": WIDTH, "ffn_gate": HIDDEN, "ffn_up": HIDDEN, "ffn_down": WIDTH}
IN = {"attn_output": HEADS * HEAD, "ffn_down": HIDDEN}
RANK = {"attn_k": 3}
STORED = {"ffn_gate": np.float16}  # the others are float32


def permute(rows, heads):  # of Llama, as the converter has it
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


rnd = np.random.default_rng(7)
w = gguf.GGUFWriter("adapter.gguf", "llama")
w.add_type(gguf.GGUFType.ADAPTER)
w.add_string(gguf.Keys.Adapter.TYPE, "lora")
w.add_float32(gguf.Keys.Adapter.LORA_ALPHA, ALPHA)
w.add_string("general.base_model.0.name", "someone/base")
deltas = {}
for block in range(BLOCKS):
    for name, out in OUT.items():
        r = RANK.get(name, 2)
        kind = STORED.get(name, np.float32)
        a = rnd.normal(size=(r, IN.get(name, WIDTH))).astype(kind)
        b = rnd.normal(size=(out, r)).astype(kind)
        stored = permute(b, {"attn_q": HEADS, "attn_k": KV}[name]) if name in ("attn_q", "attn_k") else b
        w.add_tensor(f"blk.{block}.{name}.weight.lora_a", a)
        w.add_tensor(f"blk.{block}.{name}.weight.lora_b", np.ascontiguousarray(stored))
        delta = ALPHA / r * (b.astype(np.float64) @ a.astype(np.float64))
        deltas[f"blk.{block}.{name}"] = delta.T.round(9).tolist()
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
json.dump(deltas, open("adapter.json", "w"))
