"""What real PEFT says of adapters beside GPT-2, and of ours.

    python testdata/peft/make.py           # writes bases/, theirs/ and theirs.json
    go test ./hub -run TestOurAdapters -args -write
    python testdata/peft/make.py ours      # loads ours/ in PEFT, writes ours.json

Names after that make those alone, and leave the others as they are: theirs scaled, ours scaled.

Weights are float32. Logits are computed in float64 from them, so that ours must agree
to its rounding. Of merging, merged-*.safetensors is what merge_and_unload makes in float32.
"""

import json
import pathlib
import sys
import warnings

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
VERSIONS = {m.__name__: m.__version__ for m in (torch, transformers, peft)}
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 16, 0]
ALL = ["c_attn", "attn.c_proj", "c_fc", "mlp.c_proj", "lm_head"]
ONLY = sys.argv[2:]
NORMS = ["ln_1", "ln_2", "ln_f"]

# Of each adapter: its base, and how it is made.
THEIRS = {
    "plain": ("tied", dict(r=4, lora_alpha=8, target_modules=["c_attn"])),
    "all": ("tied", dict(r=2, lora_alpha=3, target_modules=ALL, rank_pattern={"attn.c_attn": 5, "lm_head": 1},
                         alpha_pattern={"c_fc": 7}, lora_dropout=0.1)),
    "rslora": ("tied", dict(r=3, lora_alpha=2, target_modules=["c_attn", "c_proj"], use_rslora=True, layers_to_transform=[0, 2])),
    "dora": ("untied", dict(r=2, lora_alpha=4, target_modules=ALL, use_dora=True)),
    "biases": ("untied", dict(r=2, lora_alpha=4, target_modules=["c_attn", "c_fc"], bias="all", modules_to_save=NORMS)),
    "lora_only": ("tied", dict(r=2, lora_alpha=4, target_modules=["c_fc", "mlp.c_proj"], bias="lora_only", layers_to_transform=1)),
    "linear": ("tied", dict(r=2, lora_alpha=4, target_modules="all-linear", init_lora_weights="gaussian")),
    "scaled": ("scaled", dict(r=3, lora_alpha=4, target_modules=["c_attn", "attn.c_proj"], bias="all")),
    "tokens": ("tied", dict(r=2, lora_alpha=4, target_modules=["c_attn"], trainable_token_indices=[18, 3, 17])),
    "tokens_untied": ("untied", dict(r=2, lora_alpha=4, target_modules=["c_fc"], trainable_token_indices={"wte": [17, 5], "lm_head": [17, 5]})),
    "pattern": ("tied", dict(r=2, lora_alpha=4, target_modules=r".*\.h\.[12]\.attn\.c_attn", modules_to_save=["ln_f"])),
}


def shake(model, seed, scale=0.3):
    """Generic values: no gain is one, no bias and no factor zero."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.add_(scale * torch.randn(p.shape, generator=g))


def base(name):
    return transformers.GPT2LMHeadModel.from_pretrained(HERE / "bases" / name)


def logits(model):
    with torch.no_grad():
        return model.double().eval()(torch.tensor([TOKENS])).logits[0].tolist()


def write(name, rows):
    if ONLY:
        rows = json.loads((HERE / name).read_text())["logits"] | rows
    (HERE / name).write_text(json.dumps({"versions": VERSIONS, "tokens": TOKENS, "logits": rows}) + "\n")


def make():
    for name, scores in {"tied": {}, "untied": {}, "scaled": dict(scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True)}.items():
        if ONLY and name not in ONLY:
            continue
        torch.manual_seed(1)
        config = transformers.GPT2Config(vocab_size=17, n_positions=12, n_embd=12, n_head=3, n_layer=3, n_inner=20, bos_token_id=0,
                                         eos_token_id=0, tie_word_embeddings=name != "untied", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **scores)
        model = transformers.GPT2LMHeadModel(config)
        shake(model, 2)
        model.save_pretrained(HERE / "bases" / name)
    rows = {}
    for name, (of, options) in THEIRS.items():
        if ONLY and name not in ONLY:
            continue
        torch.manual_seed(3)
        model = base(of)
        if name.startswith("tokens"):
            model.resize_token_embeddings(17 + 1 + (of == "tied"))
        model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", fan_in_fan_out=True, **options))
        trained = [p for p in model.parameters() if p.requires_grad]
        g = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for p in trained:
                p.add_(0.2 * torch.randn(p.shape, generator=g))
        directory = HERE / "theirs" / name
        model.save_pretrained(directory)
        (directory / "README.md").unlink(missing_ok=True)
        config = json.loads((directory / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "someone/" + of
        (directory / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        if name == "linear":  # as many are shared
            weights = load_file(directory / "adapter_model.safetensors")
            save_file({k: v.to(torch.bfloat16) for k, v in weights.items()}, directory / "adapter_model.safetensors", {"format": "pt"})
            model = PeftModel.from_pretrained(base(of), directory)
        if name in ("biases", "dora", "scaled"):
            merged = PeftModel.from_pretrained(base(of), directory).merge_and_unload(safe_merge=True)
            save_file({k: v.contiguous().clone() for k, v in merged.state_dict().items()}, HERE / f"merged-{name}.safetensors", {"format": "pt"})
        rows[name] = logits(model)
    write("theirs.json", rows)


def ours():
    rows = {}
    for directory in sorted((HERE / "ours").iterdir()):
        if ONLY and directory.name not in ONLY:
            continue
        config = json.loads((directory / "adapter_config.json").read_text())
        of = config["base_model_name_or_path"].removeprefix("someone/")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(base(of), directory)
        for w in caught:
            text = str(w.message)
            known = any(word in text for word in ("fan_in_fan_out", "tie_word_embeddings", "tied", "is_gradient_checkpointing"))
            assert known, f"{directory.name}: PEFT warns: {text}"
        saved = load_file(directory / "adapter_model.safetensors")
        held = get_peft_model_state_dict(model)
        for key, value in saved.items():
            assert torch.equal(held[key], value), f"{directory.name}: {key} is not what PEFT holds"
        extra = [k for k in set(held) - set(saved) if ".original_module." not in k and ".modules_to_save." not in k and not k.endswith("lm_head.base_layer.weight")]
        assert not extra, f"{directory.name}: missing {extra}"
        rows[directory.name] = logits(model)
        merged = logits(PeftModel.from_pretrained(base(of), directory).double().merge_and_unload(safe_merge=True)) if "lm_head" not in config["target_modules"] else None
        if merged is not None:
            worst = (torch.tensor(merged) - torch.tensor(rows[directory.name])).abs().max().item()
            assert worst < 1e-9, f"{directory.name}: merged by PEFT, logits differ by {worst}"
        print(f"{directory.name}: {len(saved)} tensors, all used; rank {config['r']} {config['rank_pattern']}")
    write("ours.json", rows)


if __name__ == "__main__":
    ours() if sys.argv[1:2] == ["ours"] else make()
