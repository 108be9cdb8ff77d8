"""Asks transformers which ids it gives to tokens that tokenizer_config.json alone
declares. Writes declared.json beside this file; python declared.py, transformers 5.24."""
import json, os, tempfile
from transformers import AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))


def letters():
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 255 and b != 173]
    out = {b: chr(b) for b in printable}
    for i, b in enumerate(b for b in range(256) if b not in out.copy()):
        out[b] = chr(256 + i)
    return [out[b] for b in range(256)]


def level(space, offsets, regex):
    return {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": offsets, "use_regex": regex}


vocab = {c: i for i, c in enumerate(letters())}
for merged in ["he", "hey", "<|held|>"]:
    vocab[merged] = len(vocab)
tokenizer = {
    "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
    "added_tokens": [{"id": 258, "content": "<|held|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True},
                     {"id": 259, "content": "<|end|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
    "pre_tokenizer": level(False, True, True), "post_processor": level(True, False, True), "decoder": level(True, True, True),
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False,
              "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": ["h e", "he y"]},
}


def token(text, special=True):
    return {"content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}


cases = [
    ("additional", {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}, "<|im_start|>hey<|im_end|>he<|end|>"),
    ("additional as objects", {"additional_special_tokens": [dict(token("<b>"), __type="AddedToken"), dict(token("<a>"), __type="AddedToken")]}, "<a>he<b><|held|>"),
    ("extra", {"extra_special_tokens": ["<one>", "<two>"]}, "<two> hey <one>"),
    ("decoder", {"added_tokens_decoder": {"260": token("<x>"), "261": token("<y>")}}, "<x>he<y>y"),
    ("decoder and additional", {"additional_special_tokens": ["<y>", "<z>"], "added_tokens_decoder": {"259": token("<|end|>"), "260": token("<y>")}}, "<z><y><|end|>"),
    ("declared and held", {"additional_special_tokens": ["<|held|>", "<new>"], "eos_token": "<|end|>"}, "<|held|><new>hey"),
    ("one begins another", {"extra_special_tokens": ["<t>", "<t>more"]}, "<t>mor<t>more<t>"),
]
answers = []
for name, config, text in cases:
    config = dict(config, tokenizer_class="PreTrainedTokenizerFast")
    with tempfile.TemporaryDirectory() as d:
        json.dump(tokenizer, open(d + "/tokenizer.json", "w"))
        json.dump(config, open(d + "/tokenizer_config.json", "w"))
        t = AutoTokenizer.from_pretrained(d)
        answers.append({"name": name, "config": config, "vocab": len(t), "text": text, "ids": t(text).input_ids})
with open(os.path.join(here, "declared.json"), "w") as f:
    json.dump({"tokenizer": tokenizer, "cases": answers}, f, indent=1, ensure_ascii=True)
