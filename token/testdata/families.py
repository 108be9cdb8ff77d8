"""Makes a small tokenizer of each family of the Llamas, asks Hugging Face's library how it
cuts hostile strings, and writes families.json.gz and families_ids.json beside this file.
Run from the root of the module, without a network:

    python token/testdata/families.py

Written with tokenizers 0.23.3 and sentencepiece 0.2.3. Each tokenizer.json has the normalizer,
pre-tokenizer, post-processor, decoder and kinds of added tokens of the published one; its
vocabulary was learnt here.

The strings are made by a generator that families_test.go has, too, so only digests are kept:
of every BLOCK strings one of the ids, and one of the text that they are decoded to. In strings
of even number special tokens are plain text.
"""
import copy
import gzip
import hashlib
import io
import json
import os
import struct

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

import strings

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = 1000
POINTS = 0x110000 // 32  # strings of 32 code points, which have them all
COUNT = 104_000
FEWER = 24_000  # for tokenizers that differ from another in little
MASK = (1 << 64) - 1


class Random:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        return (z ^ z >> 31) % n


CONTEXTS = ["", "", " ", "a", "1", "'", "\n", "e"]
POOLS = [
    strings.SPACES, strings.CONTROLS, strings.DIGITS, strings.MARKS, strings.SCRIPTS, strings.EMOJI, strings.CODE,
    [q + e for q in strings.QUOTES for e in strings.ENDINGS + ["\u017f", "\u017fs", "\u017ft", "rE", "Ve", "ReAlly", "\u212a"]],
    strings.SUBJECTS + strings.VERBS + strings.OBJECTS,
    list("abcdefghijklmnopqrstuvwxyz"), list("0123456789"), list("!?.,;:-_()[]{}<>|@#$%^&*+=~/\\\"'"), [" "], ["\n", "\r\n", "\r", "\n\n", " \n", "\n "],
    # What NFC changes, and what it does not.
    ["e\u0301", "\u00e9", "\u212b", "\u1112\u1161\u11ab", "\uac00\u11a8", "\u0301\u0316", "a\u0316\u0301", "a\u0301\u0316", "q\u0307\u0323", "\u0958", "\u2126", "\ufb1d",
     "\u0344", "\u1e0a\u0323", "\u0f73", "\u2adc", "\U00011935\U00011930", "\U00011938", "\u09c7\u09be", "\u0300\u0c3c\u0316", "\u07fd\u0301", "x\u0345\u0301\u031b\u0334"],
    ["\u2581", "\u2581\u2581", " \u2581", "\u2581 ", "  ", "    ", "\u00a0", "\t\t"],
    ["<0x41>", "<0x0A>", "<unk>", "\u2581<s>", "<s", "s>", "<|", "|>", "\u0120", "\u010a", "\u0120a"],
    ["The", "the", "and", "ing", "er", "'s", "Lord", "King", "I", "not", "tokenization", "Ünïcödé", "naïve", "ſtrange"],
]


def character(r):
    c = r.next([0x250, 0x3000, 0x10000, 0x110000][r.next(4)])
    return "x" if 0xD800 <= c < 0xE000 else chr(c)


def string(i, added):
    """String i for a tokenizer with these added tokens."""
    r = Random(i)
    if i < POINTS:
        out = []
        for c in range(32 * i, 32 * i + 32):
            out.append(CONTEXTS[r.next(len(CONTEXTS))])
            if not 0xD800 <= c < 0xE000:
                out.append(chr(c))
        return "".join(out)
    out = []
    mine = [r.next(len(POOLS) + 2) for _ in range(1 + r.next(4))]
    for _ in range(1 + r.next(12)):
        which = mine[r.next(len(mine))]
        if r.next(8) == 0:
            which = len(POOLS) + r.next(2)
        if which < len(POOLS):
            s = POOLS[which][r.next(len(POOLS[which]))]
        elif which == len(POOLS):
            s = character(r)
        else:
            s = added[r.next(len(added))]
        if r.next(16) == 0:
            s *= 1 + r.next(40)
        out.append(s)
    return "".join(out)


with open("corpus/samples/shakespeare-excerpt.txt", encoding="utf-8") as f:
    TEXT = f.read()
CORPUS = [p + "\n\n" for p in TEXT.split("\n\n")] + strings.hostile() + [string(i, ["<s>"]) for i in range(POINTS, POINTS + 3000)]
WRITTEN = CORPUS[: len(TEXT.split("\n\n"))] + (strings.SCRIPTS + strings.CODE + strings.EMOJI) * 3 + ["a     b         c", "\u2581\u2581 x"] * 9

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")


def byte_level(vocab, pre, normalizer=None, specials=()):
    t = Tokenizer(models.BPE())
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=vocab, special_tokens=list(specials), show_progress=False,
                                                      initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return t


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}


def template(token, ids):
    piece = lambda n: {"SpecialToken": {"id": token, "type_id": n}}
    text = lambda s, n: {"Sequence": {"id": s, "type_id": n}}
    return {"type": "TemplateProcessing", "single": [piece(0), text("A", 0)], "pair": [piece(0), text("A", 0), piece(1), text("B", 1)],
            "special_tokens": {token: {"id": token, "ids": [ids], "tokens": [token]}}}


def special(*texts, **options):
    return [AddedToken(t, **{"special": True, "normalized": False, **options}) for t in texts]


def llama3():
    t = byte_level(1600, split(LLAMA3))
    t.add_special_tokens(special("<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"))
    j = json.loads(t.to_str())
    j["model"]["ignore_merges"] = True
    j["model"]["merges"] = [m for i, m in enumerate(j["model"]["merges"]) if i % 5]  # so that ignore_merges matters
    first = j["added_tokens"][0]
    j["post_processor"] = {"type": "Sequence", "processors": [dict(BYTE_LEVEL), template(first["content"], first["id"])]}
    return j


def qwen2():
    t = byte_level(1500, split(QWEN2), normalizers.NFC())
    t.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>"))
    t.add_tokens([AddedToken(x, normalized=False) for x in ("<tool_call>", "</tool_call>", "<think>", "</think>")])
    j = json.loads(t.to_str())
    j["post_processor"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return j


def smollm2():
    t = byte_level(1500, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]),
                   specials=special("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"))
    j = json.loads(t.to_str())
    return j


def sentence_model(vocab, **options):
    """The tokenizer.model of a BPE that SentencePiece learns."""
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WRITTEN), model_writer=out, model_type="bpe", vocab_size=vocab, byte_fallback=True, character_coverage=0.9995,
        normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, split_digits=True, num_threads=1,
        max_sentence_length=100000, minloglevel=2, **options)
    return out.getvalue()


def sentence_pieces(vocab, **options):
    """The pieces, the merges and the scores of such a model."""
    return pieces_of(sentence_model(vocab, **options))


def pieces_of(proto):
    """The pieces, the merges and the scores of a tokenizer.model."""
    sp = sentencepiece.SentencePieceProcessor(model_proto=proto)
    vocab = {sp.id_to_piece(i): i for i in range(sp.vocab_size())}
    merges = []  # as convert_slow_tokenizer of transformers: any two pieces that make a third, the highest score first
    for piece, i in vocab.items():
        if not sp.is_byte(i) and not sp.is_control(i) and not sp.is_unknown(i):
            for k in range(1, len(piece)):
                if piece[:k] in vocab and piece[k:] in vocab:
                    merges.append([piece[:k], piece[k:], sp.get_score(i)])
    merges.sort(key=lambda m: (m[2], len(m[0]), len(m[1])), reverse=True)
    return vocab, [m[:2] for m in merges], [sp.get_score(i) for i in range(sp.vocab_size())]


REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
UNREPLACE = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}


def pieces(vocab, merges, metaspace=None):
    normalizer = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, REPLACE]}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
                         for i, t in enumerate(("<unk>", "<s>", "</s>"))],
        "normalizer": None if metaspace else normalizer,
        "pre_tokenizer": metaspace and {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": metaspace, "split": False},
        "post_processor": template("<s>", 1),
        "decoder": {"type": "Sequence", "decoders": [UNREPLACE, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": merges},
    }


def add(j, *tokens):
    """Adds tokens with the next ids."""
    t = Tokenizer.from_str(json.dumps(j))
    t.add_tokens(list(tokens))
    return json.loads(t.to_str())


HOSTILE = [
    AddedToken("<|left|>", special=True, normalized=False, lstrip=True), AddedToken("<|right|>", special=True, normalized=False, rstrip=True),
    AddedToken("<mask>", special=True, normalized=False, lstrip=True, rstrip=True), AddedToken("cat", normalized=False, single_word=True),
    AddedToken("n\u00f6rm", normalized=True), AddedToken("e\u0301t\u00e9", normalized=True), AddedToken("word", normalized=True, single_word=True),
    AddedToken("  ", normalized=False), AddedToken("l r", normalized=True, lstrip=True, rstrip=True), AddedToken("<s>x", normalized=True, special=True),
]


def main():
    vocab, merges, scores = sentence_pieces(1400)
    legacy = pieces(vocab, merges)
    small, small_merges, _ = sentence_pieces(900, add_dummy_prefix=False)
    mistral = pieces(small, small_merges, "first")
    mistral = add(mistral, *special("[INST]", "[/INST]"))

    FAMILIES = {
        "llama3": llama3(),
        "qwen2": qwen2(),
        "smollm2": smollm2(),
        "llama2": legacy,
        "mistral": mistral,
        # The same with added tokens of every kind: the published ones have few.
        "bytes+added": add(qwen2(), *HOSTILE),
        "pieces+added": add(legacy, *HOSTILE, AddedToken("</s>", special=True, normalized=True)),
    }
    # The other places for a space before a text.
    for scheme in ("always", "never"):
        FAMILIES["mistral " + scheme] = copy.deepcopy(add(mistral, *HOSTILE))
        FAMILIES["mistral " + scheme]["pre_tokenizer"]["prepend_scheme"] = scheme
    del FAMILIES["mistral never"]["decoder"]["decoders"][3]

    READABLE = [s for s in strings.fixed() if 0 < len(s) < 40][::23] + [s + " x" for s in strings.SPECIAL] + [
        "Hello world", " Hello", "Hello  world", "I'm here, I'LL go, it'\u017f", "1234567 12 1", "a  1", "x\n\n  y", "!\n\n!", "caf\u00e9 cafe\u0301", "\u4eca\u65e5", "\u2581a", "\U0001f680!",
        "<s>Hello</s>", "hi<|im_end|>\n<|im_start|>user", "[INST] hi [/INST] answer</s>", "a \n <mask> \t b", "a <|left|> b <|right|> c", "cat cats cat", "\u00e9t\u00e9 e\u0301te\u0301"]

    gold = {"versions": f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}", "contexts": CONTEXTS, "pools": POOLS, "count": COUNT, "block": BLOCK, "families": []}
    readable = [[s, {}] for s in READABLE]
    for name, j in FAMILIES.items():
        file = json.dumps(j, ensure_ascii=False, separators=(",", ":"))
        t = Tokenizer.from_str(file)
        added = [a["content"] for a in json.loads(t.to_str())["added_tokens"]]
        # A normalized added token is decoded to its normalized text there, and to its own here.
        texts = not any(a["normalized"] for a in j["added_tokens"])
        first = 0 if name in ("llama3", "qwen2", "smollm2", "llama2", "mistral") else COUNT - FEWER
        family = {"name": name, "tokenizer": j, "first": first, "ids": [], "texts": []}
        if name == "llama2":
            family["scores"] = scores
        for start in range(first, COUNT, BLOCK):
            strs = [string(i, added) for i in range(start, start + BLOCK)]
            answers = [None] * BLOCK
            for parity in (0, 1):
                t.encode_special_tokens = parity == 0
                answers[parity::2] = [e.ids for e in t.encode_batch(strs[parity::2], add_special_tokens=False)]
            ids, text = hashlib.sha256(), hashlib.sha256()
            for a in answers:
                ids.update(struct.pack("<%dI" % len(a), *a) + b"\xff\xff\xff\xff")
            family["ids"].append(ids.hexdigest()[:16])
            if texts:
                for a in t.decode_batch(answers, skip_special_tokens=False):
                    text.update(a.encode() + b"\xff")
                family["texts"].append(text.hexdigest()[:16])
        t.encode_special_tokens = False
        for s, answer in readable:
            answer[name] = t.encode(s, add_special_tokens=True).ids
        gold["families"].append(family)
        print(name, len(file), "bytes,", t.get_vocab_size(), "tokens", flush=True)

    with open(os.path.join(HERE, "families.json.gz"), "wb") as f:
        f.write(gzip.compress(json.dumps(gold, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0))
    with open(os.path.join(HERE, "families_ids.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(x, ensure_ascii=False) for x in readable) + "\n]\n")


if __name__ == "__main__":
    main()
