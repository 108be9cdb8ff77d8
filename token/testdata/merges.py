"""Packs GPT-2's vocab.bpe into gpt2.merges.gz for gpt2.go.

    python token/testdata/merges.py vocab.bpe token/gpt2.merges.gz
"""
import gzip
import sys

printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
letters = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
ids = {c: i for i, c in enumerate(letters)}
left, right = [], []
for n, line in enumerate(open(sys.argv[1], encoding="utf-8").read().split("\n")[1:-1]):
    a, b = line.split(" ")
    left.append(ids[a])
    right.append(ids[b])
    ids[a + b] = 256 + n
planes = b"".join(bytes(x >> shift & 255 for x in side) for side in (left, right) for shift in (0, 8))
open(sys.argv[2], "wb").write(gzip.compress(planes, 9, mtime=0))
