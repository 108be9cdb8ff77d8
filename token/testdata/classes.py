"""Asks Hugging Face's ByteLevel for the class of every code point (letter, number, space
or none of them) and writes classes.bin for classes.go: for each run of equal classes
the number 4*length+class as a uvarint. tokenizers 0.23.3 answers with Unicode 16.0.

    python token/testdata/classes.py token/classes.bin
"""
import sys

from tokenizers import pre_tokenizers

split = pre_tokenizers.ByteLevel(add_prefix_space=False)


def joins(probe, c):
    return len(split.pre_tokenize_str(probe + c)) == 1


def classify(c):
    if 0xD800 <= c < 0xE000:
        return 0
    return 1 if joins("a", chr(c)) else 2 if joins("1", chr(c)) else 0 if joins("!", chr(c)) else 3


out, i = bytearray(), 0
classes = [classify(c) for c in range(0x110000)]
while i < len(classes):
    j = i
    while j < len(classes) and classes[j] == classes[i]:
        j += 1
    v, i = (j - i) * 4 + classes[i], j
    while v >= 128:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
open(sys.argv[1], "wb").write(out)
