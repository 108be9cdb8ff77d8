"""Saves one small GPT-2 of transformers with torch.save as people have it: in the zip
container, in the form before it, in shards with an index, and as the state dictionary of
a compiled model in data parallelism; and with safetensors, which says what is right.
python make.py, transformers 5.24, torch 2."""
import json, os, shutil
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

here = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(7)
model = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0))
with torch.no_grad():
    for p in model.parameters():
        p.add_(torch.randn_like(p) * 0.1)
state = model.state_dict()  # with lm_head.weight, which shares its numbers with wte
for name in ["safe", "zip", "old", "sharded", "wrapped"]:
    d = os.path.join(here, name)
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    model.config.to_json_file(os.path.join(d, "config.json"))
at = lambda *names: os.path.join(here, *names)
save_file({k: v.contiguous() for k, v in state.items() if k != "lm_head.weight"}, at("safe", "model.safetensors"), {"format": "pt"})
torch.save(state, at("zip", "pytorch_model.bin"))
old = dict(state)  # with the masks that old versions kept among the weights
for i in range(2):
    old[f"transformer.h.{i}.attn.bias"] = torch.tril(torch.ones(8, 8, dtype=torch.uint8)).view(1, 1, 8, 8)
    old[f"transformer.h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
torch.save({k.removeprefix("transformer."): v for k, v in old.items()}, at("old", "pytorch_model.bin"), _use_new_zipfile_serialization=False)
names = sorted(state)
parts = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
for file, mine in parts.items():
    torch.save({k: state[k].clone() for k in mine}, at("sharded", file))
json.dump({"metadata": {"total_size": 1}, "weight_map": {k: f for f, mine in parts.items() for k in mine}}, open(at("sharded", "pytorch_model.bin.index.json"), "w"), indent=1)
torch.save({"model": {"_orig_mod.module." + k: torch.nn.Parameter(v) for k, v in state.items()}, "iter_num": 5, "config": {"a": None}}, at("wrapped", "pytorch_model.bin"))
