#!/usr/bin/env python3
"""Twenty updates of an adapter, as PEFT and PyTorch make them.

    python finetune.py begin                                   # writes finetune/: bases, adapters, examples, options
    go test ./model -run TestFinetuneAsPEFT -args -rows        # writes finetune/rows.json.gz: what each update reads
    python finetune.py                                         # trains, writes finetune/*.json.gz

The bases are written by transformers, the adapters by PEFT. An update is what transformers'
Trainer makes: the losses of all micro-batches are summed and divided once by the number of
learnt tokens, torch.nn.utils.clip_grad_norm_, torch.optim.AdamW with decay of matrices, and a
schedule of transformers. That counts updates from 0, where its rate is 0; ours begins at 1 and
reaches the lowest rate one step after the last. So the schedule is stepped once before the first
update, and is told of one step more.

A row of tokens holds several documents. Here each is a sequence of its own. Their tokens and
which of them are learnt are compared with what tokenizers makes of the examples.

Everything is computed twice, in float64 (as make.py does) and in float32. How far the two are
apart is what rounding does to such a training, "noise" in the files.
"""
import base64
import copy
import gzip
import json
import pathlib
import shutil
import sys

import numpy
import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.optimizers import create_loraplus_optimizer
from tokenizers import Tokenizer

import make
from adapters import SEVEN

HERE = pathlib.Path(__file__).parent
HOME = HERE / "finetune"
TOKENIZER = HERE / "smollm-chat"
BEGIN, END, WINDOW, KEPT = 1, 2, 40, (1, 10, 20)

SHAPE = dict(vocab_size=352, num_hidden_layers=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=2)
CASES = {
    "llama": dict(
        config=dict(hidden_size=18, intermediate_size=28, num_attention_heads=6, num_key_value_heads=2, head_dim=4, rms_norm_eps=1e-5, tie_word_embeddings=False,
                    rope_parameters=dict(make.LLAMA3, rope_theta=500000.0)),
        dtype="bfloat16", fresh=False,
        lora=dict(r=3, lora_alpha=5, target_modules=SEVEN),
        options=dict(batch=2, accumulate=3, steps=20, warmup=4, lr=2e-2, min_lr=3e-3, schedule="cosine", beta1=0.9, beta2=0.95, adam_eps=1e-8, decay=0.1, clip=1.4, lora_plus=0, seed=5)),
    "qwen2": dict(
        config=dict(hidden_size=24, intermediate_size=20, num_attention_heads=4, num_key_value_heads=1, rms_norm_eps=1e-6, tie_word_embeddings=True,
                    rope_parameters=dict(rope_type="default", rope_theta=10000.0)),
        dtype="float32", fresh=True,
        lora=dict(r=2, lora_alpha=6, target_modules=SEVEN, bias="lora_only", use_rslora=True),
        options=dict(batch=3, accumulate=2, steps=20, warmup=3, lr=2e-3, min_lr=0, schedule="linear", beta1=0.85, beta2=0.99, adam_eps=1e-6, decay=0.2, clip=3.6, lora_plus=4, seed=6)),
}


def write(name, value):
    (HOME / name).write_bytes(gzip.compress(json.dumps(value).encode(), 9, mtime=0))


def examples():
    lines = []
    for i in range(44):
        a, b = 3 * i % 17, 5 * i % 11
        lines.append([dict(prompt=f"What is {a} + {b}?", completion=f" It is {a + b}."), dict(prompt="Write a short story.", completion=f" A {['cat', 'hen', 'fox'][i % 3]} sleeps all day."),
                      dict(prompt="Can you help me?", completion=" I can, said the " + "very " * (i % 5) + "old hen."), dict(prompt=f"{i}:", completion=" yes" * (1 + i % 7))][i % 4])
    return lines


def begin():
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    (HOME / "examples.jsonl").write_text("".join(json.dumps(x) + "\n" for x in examples()))
    for number, (name, case) in enumerate(CASES.items()):
        torch.manual_seed(number)
        family = name.capitalize()
        model = getattr(transformers, family + "ForCausalLM")(getattr(transformers, family + "Config")(**(SHAPE | case["config"]))).eval()
        make.generic(model, 70 + number)
        with torch.no_grad():
            model.get_output_embeddings().weight.mul_(0.4)  # also the rows of tokens where they are tied
        model.to(getattr(torch, case["dtype"])).save_pretrained(HOME / name)
        adapted = get_peft_model(model.float(), LoraConfig(task_type="CAUSAL_LM", **case["lora"]))
        if not case["fresh"]:
            with torch.no_grad():
                for key, p in adapted.named_parameters():
                    if "lora_B" in key:
                        p.normal_(0, 0.1)
        directory = HOME / (name + "-adapter")
        adapted.save_pretrained(directory)
        (directory / "README.md").unlink(missing_ok=True)
        config = json.loads((directory / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "someone/" + name
        (directory / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    options = {name: case["options"] | dict(window=WINDOW) for name, case in CASES.items()}
    (HOME / "options.json").write_text(json.dumps(options, indent=1) + "\n")


def documents(batch):
    """The documents of a micro-batch: tokens, and targets (-1 where nothing is learnt)."""
    tokens, targets = batch["Tokens"], batch["Targets"]
    starts = sorted(set(batch["Starts"]) | set(range(0, len(tokens), WINDOW)))
    for a, b in zip(starts, starts[1:] + [len(tokens)]):
        if any(t >= 0 for t in targets[a:b]):
            yield tokens[a:b], targets[a:b]


def expected():
    """What tokenizers makes of the examples, as documents has them."""
    tok = Tokenizer.from_file(str(TOKENIZER / "tokenizer.json"))
    for x in examples():
        whole = tok.encode(x["prompt"] + x["completion"])
        ids = [BEGIN] + whole.ids + [END]
        learnt = [False] + [end > len(x["prompt"]) for _, end in whole.offsets] + [True]
        yield tuple(ids[:-1]), tuple(t if use else -1 for t, use in zip(ids[1:], learnt[1:]))


def train(name, updates, dtype):
    torch.set_default_dtype(dtype)
    make.wide(dtype == torch.float64)
    case, o = CASES[name], CASES[name]["options"]
    model = transformers.AutoModelForCausalLM.from_pretrained(HOME / name, dtype=dtype, attn_implementation="eager")
    model = PeftModel.from_pretrained(model, HOME / (name + "-adapter"), is_trainable=True, autocast_adapter_dtype=False).to(dtype)
    if dtype == torch.float64:
        inner = model.base_model.model.model
        inner.rotary_emb = type(inner.rotary_emb)(inner.config)
    model.eval()  # there is no dropout
    trained = {k: p for k, p in model.named_parameters() if p.requires_grad}
    assert all(p.dtype == dtype for p in model.parameters())
    kinds = dict(lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["adam_eps"])
    if o["lora_plus"]:
        optimizer = create_loraplus_optimizer(model, torch.optim.AdamW, loraplus_lr_ratio=o["lora_plus"], loraplus_weight_decay=o["decay"], **kinds)
    else:
        groups = [dict(params=[p for p in trained.values() if (p.dim() > 1) == matrix], weight_decay=o["decay"] if matrix else 0.0) for matrix in (True, False)]
        optimizer = torch.optim.AdamW([g for g in groups if g["params"]], **kinds)
    steps = o["steps"] + 1
    if o["schedule"] == "linear":
        schedule = transformers.get_linear_schedule_with_warmup(optimizer, o["warmup"], steps)
    else:
        schedule = transformers.get_cosine_with_min_lr_schedule_with_warmup(optimizer, o["warmup"], steps, min_lr=o["min_lr"])
    out = []
    optimizer.step()  # nothing: there is no gradient yet
    schedule.step()
    for number, batches in enumerate(updates, 1):
        counted = sum(t >= 0 for batch in batches for t in batch["Targets"])
        total = 0.0
        for batch in batches:
            sums = []
            for tokens, targets in documents(batch):
                logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0]
                sums.append(torch.nn.functional.cross_entropy(logits, torch.tensor(targets), ignore_index=-1, reduction="sum"))
            loss = torch.stack(sums).sum() / counted
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(list(trained.values()), o["clip"]).item()
        rate = schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        step = dict(rate=rate, loss=total, norm=norm, counted=counted)
        if number in KEPT:
            step["adapter"] = {k: v.detach().clone().double().numpy() for k, v in get_peft_model_state_dict(model).items()}
        out.append(step)
    make.wide(False)
    torch.set_default_dtype(torch.float32)
    return out


def noise(name, wide, narrow):
    """How far float32 is from float64 at most up to each update, as the test here compares:
    the loss and the norm relative to their size, weights to the largest change of their tensor, or
    to a hundredth of its largest weight where that is more. It is 2**-24 at least."""
    from safetensors.numpy import load_file
    first = load_file(HOME / (name + "-adapter") / "adapter_model.safetensors")
    loss = norm = least = 2.0 ** -24
    for w, n in zip(wide, narrow):
        loss = max(loss, abs(n["loss"] - w["loss"]) / w["loss"])
        norm = max(norm, abs(n["norm"] - w["norm"]) / w["norm"])
        w["noise"] = dict(loss=loss, norm=norm)
        if "adapter" in w:
            w["noise"]["weights"] = max(least, *(float(abs(n["adapter"][k] - v).max() / max(abs(v - first[k]).max(), abs(v).max() / 100)) for k, v in w["adapter"].items()))


def main():
    rows = json.loads(gzip.decompress((HOME / "rows.json.gz").read_bytes()))
    for name in CASES:
        seen = {(tuple(tokens), tuple(targets)) for batches in rows[name] for batch in batches for tokens, targets in documents(batch)}
        assert seen == set(expected()), f"{name}: {len(seen)} documents, {len(set(expected()))} by tokenizers; {list(seen - set(expected()))[:1]}, {list(set(expected()) - seen)[:1]}"
        wide, narrow = train(name, rows[name], torch.float64), train(name, rows[name], torch.float32)
        noise(name, wide, narrow)
        clipped = [s["norm"] > CASES[name]["options"]["clip"] for s in wide]
        print(f"{name}: loss {wide[0]['loss']:.4f} to {wide[-1]['loss']:.4f}, norms {min(s['norm'] for s in wide):.3g} to {max(s['norm'] for s in wide):.3g}, {sum(clipped)} of {len(clipped)} clipped")
        for k in KEPT:
            print(f"  noise up to update {k}: {wide[k - 1]['noise']}")
        assert 5 <= sum(clipped) <= 15
        for s in wide:
            if "adapter" in s:
                s["adapter"] = {k: dict(Shape=list(v.shape), F64=base64.b64encode(numpy.ascontiguousarray(v, "<f8").tobytes()).decode()) for k, v in s["adapter"].items()}
        versions = {m.__name__: m.__version__ for m in (torch, transformers, peft)}
        write(name + ".json.gz", dict(versions=versions, steps=wide))


if __name__ == "__main__":
    begin() if sys.argv[1:2] == ["begin"] else main()
