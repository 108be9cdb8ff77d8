"""Writes the goldens of this folder with EleutherAI's lm-evaluation-harness.

    python make.py .

A small GPT-2 with weights at random and a tokenizer learnt from the texts below; the
harness computes in float64. Needs torch, transformers, tokenizers, lm_eval.
"""

import json, pathlib, random, shutil, sys, tarfile, tempfile

import lm_eval, torch, transformers
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from tokenizers import ByteLevelBPETokenizer
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

CONTEXT = 40
TEXTS = [
    "The hen sat on the wall, and the owl sat in the oak. The owl saw the hen; the hen saw nothing at all.",
    "Étienne and Zoë had a café — small, warm, open late. “Deux cafés!” they said, and it cost 3,50 €.",
    "One.",
    " A text that begins with a space,\nhas a second line\n\nand a third one after an empty one, "
    "so that it is longer than two windows of the network and its last window is not full.",
]
QUESTIONS = [
    {"query": "The hen sat on the", "choices": ["wall", "owl", "oak, which is in the middle of the wood"], "gold": 0},
    {"query": "Who saw the hen? ", "choices": ["the owl", "nobody", "the café"], "gold": 0},
    {"query": "It cost", "choices": ["3,50 €", "nothing at all", "Deux cafés"], "gold": 1},
    {"query": "A question that is itself much longer than what the network can see at once, so that it loses its "
              "beginning before it is answered:", "choices": ["yes", "no", "it depends on the owl"], "gold": 2},
    {"query": "", "choices": ["One.", "Zoë", "The hen saw"], "gold": 1},
    {"query": "The owl\n", "choices": ["sat", "sat in the oak"], "gold": 1},
]


def main():
    out = pathlib.Path(sys.argv[1])
    work = pathlib.Path(tempfile.mkdtemp())
    model_dir = work / "model"
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(TEXTS * 3, vocab_size=320, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False)
    bpe.save(str(work / "tokenizer.json"))
    tok = PreTrainedTokenizerFast(tokenizer_file=str(work / "tokenizer.json"), bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>")
    tok.save_pretrained(model_dir)
    end = tok.convert_tokens_to_ids("<|endoftext|>")
    torch.manual_seed(7)
    c = GPT2Config(vocab_size=len(tok), n_positions=CONTEXT, n_embd=24, n_head=3, n_layer=2, bos_token_id=end, eos_token_id=end)
    model = GPT2LMHeadModel(c).eval()
    g = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            p.copy_((1 if "ln_" in name and name.endswith("weight") else 0) + 0.3 * noise if p.dim() == 1 else noise * (0.8 if "wte" in name else 1.5 / p.shape[0] ** 0.5))
    model.save_pretrained(model_dir)

    lm = HFLM(pretrained=str(model_dir), dtype="float64", device="cpu", batch_size=1, max_length=CONTEXT)
    assert lm.prefix_token_id == end
    rolling = lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (t,), i) for i, t in enumerate(TEXTS)])

    (out / "questions.jsonl").write_text("".join(json.dumps(q, ensure_ascii=False) + "\n" for q in QUESTIONS), encoding="utf-8")
    (out / "texts.jsonl").write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in TEXTS), encoding="utf-8")
    task = ConfigurableTask(config=dict(
        task="questions", dataset_path="json", dataset_kwargs=dict(data_files=dict(test=str(out / "questions.jsonl"))),
        output_type="multiple_choice", test_split="test", doc_to_text="{{query}}", doc_to_target="gold", doc_to_choice="choices",
        metric_list=[dict(metric=m, aggregation="mean", higher_is_better=True) for m in ("acc", "acc_norm", "acc_bytes")]))
    got = lm_eval.simple_evaluate(model=lm, tasks=[task], log_samples=True, bootstrap_iters=2)
    samples = sorted(got["samples"]["questions"], key=lambda s: s["doc_id"])
    result = got["results"]["questions"]
    golden = dict(
        versions=dict(lm_eval=lm_eval.__version__, torch=torch.__version__, transformers=transformers.__version__),
        rolling=rolling,
        bytes=[len(t.encode()) for t in TEXTS],
        tokens=[tok(t)["input_ids"] for t in TEXTS],
        questions=[dict(log_likelihood=[r[0][0] for r in s["resps"]], greedy=[r[0][1] for r in s["resps"]],
                        acc=s["acc"], acc_norm=s["acc_norm"], acc_bytes=s["acc_bytes"]) for s in samples],
        acc=result["acc,none"], acc_norm=result["acc_norm,none"], acc_bytes=result["acc_bytes,none"],
        stderr=result["acc_stderr,none"])
    (out / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    with tarfile.open(out / "model.tar.gz", "w:gz") as t:
        for f in sorted(model_dir.iterdir()):
            t.add(f, f.name)
    shutil.rmtree(work)
    print(json.dumps(golden["questions"], indent=1), result)


main()
