"""Writes the goldens of this folder: one training step's gradients as PEFT and autograd have them.

    python make.py [NAME…]   # peft, transformers and torch; versions are written into each file

A tiny GPT-2 in float64 with random weights, an adapter of real PEFT beside it whose factors are random
too (nothing is zero), the mean cross entropy of a batch, backward(). Everything is stored by the names and in
the layout of pedestrian: factors input x rank and rank x output, numbers rounded to float32 before anything is
computed so that the files are small; gradients are float64.
"""
import base64, gzip, json, sys, warnings
import peft, torch, transformers
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel

warnings.filterwarnings("ignore")
torch.set_default_dtype(torch.float64)
V, C, D, H, L, T, B = 17, 8, 12, 3, 2, 6, 2
LAYERS = {"attn.c_attn": "qkv", "attn.c_proj": "attProj", "mlp.c_fc": "expand", "mlp.c_proj": "contract"}


def pack(t, dtype):
    return base64.b64encode(t.detach().contiguous().to(dtype).numpy().tobytes()).decode()


def name_of(path):
    """pedestrian's name of a layer of transformers."""
    if path.startswith("lm_head"):
        return "logits"
    _, _, block, rest = path.split(".", 3)
    return f"block.{block}.{LAYERS[rest]}"


def base_names():
    names = {"wte.weight": "tok.w", "wpe.weight": "pos.w", "ln_f.weight": "lnFinal.w", "ln_f.bias": "lnFinal.b"}
    for i in range(L):
        for theirs, ours in LAYERS.items() | {("ln_1", "ln1"), ("ln_2", "ln2")}:
            for k, x in (("weight", "w"), ("bias", "b")):
                names[f"h.{i}.{theirs}.{k}"] = f"block.{i}.{ours}.{x}"
    return names


def make(name, ours, scores={}, **kw):
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    torch.manual_seed(7)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=V, n_positions=C, n_embd=D, n_head=H, n_layer=L, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0, **scores))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((p + 0.3 * torch.randn_like(p)).float().double())
    base = {base_names()[k]: pack(p, torch.float32) for k, p in model.transformer.named_parameters()}
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, fan_in_fan_out=True, **kw))
    model.train()
    with torch.no_grad():
        for n, p in model.named_parameters():
            if p.requires_grad:
                # away from where adapters start; magnitudes and gains stay positive
                p.copy_((p + (0.1 if "magnitude" in n else 0.3) * torch.randn_like(p)).float().double())
    ids = torch.randint(0, V, (B, T + 1))
    ids[0, 3] = ids[0, 1]
    logits = model(input_ids=ids[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, V), ids[:, 1:].reshape(-1))
    loss.backward()
    values, grads = {}, {}
    for n, p in model.named_parameters():
        if not p.requires_grad:
            continue
        n = n.removeprefix("base_model.model.")
        if ".lora_" in n:
            path, part = n.split(".lora_", 1)
            part = {"A": "down", "B": "up", "magnitude_vector": "magnitude"}[part.split(".")[0]]
            key, turn = f"{name_of(path)}.{part}", part != "magnitude"
        else:
            key, turn = base_names()[n.removeprefix("transformer.").replace(".base_layer", "").replace(".modules_to_save.default", "")], False
        values[key] = pack(p.T if turn else p, torch.float32)
        grads[key] = pack(p.grad.T if turn else p.grad, torch.float64)
    golden = {
        "name": name,
        "versions": {"peft": peft.__version__, "transformers": transformers.__version__, "torch": torch.__version__},
        "peft_config": {k: v for k, v in kw.items()},
        "config": {"vocab": V, "context": C, "width": D, "heads": H, "blocks": L, "activation": "gelu_tanh", "eps": 1e-5, "bias": True, "tied": True}
        | {k: v for k, v in dict(unscaled=not scores.get("scale_attn_weights", True), scale_by_block=scores.get("scale_attn_by_inverse_layer_idx", False)).items() if v},
        "adapter": ours,
        "batch": [{"tokens": r[:-1].tolist(), "targets": r[1:].tolist()} for r in ids],
        "loss": float(loss), "params": base, "values": values, "grads": grads,
    }
    with open(f"{name}.json.gz", "wb") as f:
        f.write(gzip.compress(json.dumps(golden, sort_keys=True).encode(), mtime=0))
    print(name, float(loss), len(grads), "tensors")


every = ["c_attn", "attn.c_proj", "c_fc", "mlp.c_proj"]
ours = ["qkv", "attProj", "expand", "contract"]
make("lora", {"rank": 4, "alpha": 6, "scaling": "alpha/r", "targets": ["qkv"]}, r=4, lora_alpha=6, target_modules=["c_attn"])
make("ranks", {"rank": 3, "alpha": 5, "scaling": "alpha/sqrt_r", "targets": ours, "ranks": {"qkv": 5, "contract": 2}, "alphas": {"expand": 2}, "bias": "all"},
     r=3, lora_alpha=5, use_rslora=True, target_modules=every, rank_pattern={"c_attn": 5, "mlp.c_proj": 2}, alpha_pattern={"c_fc": 2}, bias="all")
make("dora", {"rank": 3, "alpha": 4, "scaling": "alpha/r", "targets": ours, "dora": True, "bias": "adapted"},
     r=3, lora_alpha=4, use_dora=True, target_modules=every, bias="lora_only")
make("layers", {"rank": 2, "alpha": 3, "scaling": "alpha/r", "targets": ["attProj", "expand", "logits"], "layers": [1], "norms": True},
     r=2, lora_alpha=3, target_modules=r"(transformer\.h\.1\.(attn\.c_proj|mlp\.c_fc))|lm_head", modules_to_save=["ln_1", "ln_2", "ln_f"])
make("scales", {"rank": 3, "alpha": 5, "scaling": "alpha/r", "targets": ["qkv", "attProj"], "bias": "all"}, dict(scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True),
     r=3, lora_alpha=5, target_modules=["c_attn", "attn.c_proj"], bias="all")
