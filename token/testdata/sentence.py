"""Asks SentencePiece how models of its own cut hostile strings, and writes
sentencepiece.json.gz beside this file. Run from the root of the module, without a network:

    python token/testdata/sentence.py

Written with sentencepiece 0.2.3 and tokenizers 0.23.3. The strings are those of families.py,
of every BLOCK one digest of the ids and one of the decoded texts. The reader here makes merges of
the scores, as the converter of transformers does: where two ways to make one piece compete for a
token between them, SentencePiece takes the left one, and merges take the one of the better rank.
The script fails if a string shows that.
"""
import base64
import gzip
import hashlib
import json
import os
import struct

import sentencepiece
import tokenizers

import families

# As in Llama 2, and as in a tokenizer that puts no space before a text.
MODELS = {"llama2": dict(vocab=1400, count=104_000), "never": dict(vocab=900, count=24_000, add_dummy_prefix=False)}

out = []
for name, options in MODELS.items():
    count = options.pop("count")
    proto = families.sentence_model(**options)
    sp = sentencepiece.SentencePieceProcessor(model_proto=proto)
    vocab, merges, _ = families.pieces_of(proto)
    j = families.pieces(vocab, merges)
    if not options.get("add_dummy_prefix", True):
        j["normalizer"] = families.REPLACE
    merged = tokenizers.Tokenizer.from_str(json.dumps(j))
    merged.encode_special_tokens = True
    added = ["<unk>", "<s>", "</s>"]
    ids, texts, differ = [], [], []
    first = 104_000 - count
    for start in range(first, 104_000, families.BLOCK):
        a, b = hashlib.sha256(), hashlib.sha256()
        for i in range(start, start + families.BLOCK):
            s = families.string(i, added)
            mine = sp.encode(s)
            if merged.encode(s, add_special_tokens=False).ids != mine:
                differ.append(i)
            a.update(struct.pack("<%dI" % len(mine), *mine) + b"\xff\xff\xff\xff")
            b.update(sp.decode(mine).encode() + b"\xff")
        ids.append(a.hexdigest()[:16])
        texts.append(b.hexdigest()[:16])
    out.append(dict(name=name, model=base64.b64encode(proto).decode(), first=first, ids=ids, texts=texts,
                    around=[sp.encode("Hello world", add_bos=True), sp.encode("Hello world")]))
    print(name, len(proto), "bytes,", sp.vocab_size(), "pieces,", count, "strings,", len(differ), "differ", differ[:5], out[-1]["around"])
    assert not differ

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sentencepiece.json.gz"), "wb") as f:
    f.write(gzip.compress(json.dumps(dict(versions=f"sentencepiece {sentencepiece.__version__}, tokenizers {tokenizers.__version__}", models=out)).encode(), 9, mtime=0))
