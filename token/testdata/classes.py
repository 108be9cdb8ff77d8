"""Asks Hugging Face's library what it takes every code point for, and writes the tables of
package token. Each holds for every run of equal values the number 4*length+value as a
uvarint. tokenizers 0.23.3 answers.

    python token/testdata/classes.py token

classes.bin (classes.go)    0 none of them, 1 letter, 2 number, 3 space: what ByteLevel's
                            pattern sees, which has Unicode 16.0
words.bin   (classes.go)    1 where single_word sees a character of a word
compose.bin (normalize.go)  1 where the normalizer NFC, which has Unicode 9.0, changes a
                            character or its neighbours

It fails where the patterns of Llama 3 and Qwen, Digits or lstrip see another class than
ByteLevel, but for the 13 numbers of Unicode 17.0 that Digits knows (smolClasses).
"""
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

split = pre_tokenizers.ByteLevel(add_prefix_space=False)
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def joins(probe, c):
    return len(split.pre_tokenize_str(probe + c)) == 1


def classify(c):
    if 0xD800 <= c < 0xE000:
        return 0
    return 1 if joins("a", chr(c)) else 2 if joins("1", chr(c)) else 0 if joins("!", chr(c)) else 3


def write(name, values):
    out, i = bytearray(), 0
    while i < len(values):
        j = i
        while j < len(values) and values[j] == values[i]:
            j += 1
        v, i = (j - i) * 4 + values[i], j
        while v >= 128:
            out.append(v & 127 | 128)
            v >>= 7
        out.append(v)
    open(f"{sys.argv[1]}/{name}", "wb").write(out)
    print(name, len(out), "bytes,", sum(v > 0 for v in values), "code points")


classes = [classify(c) for c in range(0x110000)]
write("classes.bin", classes)


def alone(pre, c):
    return len(pre.pre_tokenize_str("!" + chr(c) + "!")) == 3


for want, pattern in ((1, r"\p{L}"), (2, r"\p{N}"), (3, r"\s")):
    pre = pre_tokenizers.Split(Regex(pattern), "isolated")
    assert all(alone(pre, c) == (classes[c] == want) for c in POINTS), pattern
pre = pre_tokenizers.Digits(individual_digits=True)
more = [c for c in POINTS if alone(pre, c) != (classes[c] == 2)]
assert more == list(range(0x11DE0, 0x11DEA)) + [0x16FF4, 0x16FF5, 0x16FF6], more


def adding(**options):
    t = Tokenizer(models.BPE())
    t.add_tokens([AddedToken("~~", normalized=False, **options)])
    return t


t = adding(lstrip=True)
assert all((t.encode(chr(c) + "~~").offsets[0][0] == 0) == (classes[c] == 3) for c in POINTS if c != ord("~"))
t = adding(single_word=True)
word = [0] * 0x110000
for c in POINTS:
    if c != ord("~"):
        word[c] = int(not t.encode(chr(c) + "~~").ids)
        assert word[c] == int(not t.encode("~~" + chr(c)).ids)
write("words.bin", word)

nfc, nfd = normalizers.NFC(), normalizers.NFD()
active = [0] * 0x110000
for c in POINTS:
    parts = nfd.normalize_str(chr(c))
    if parts != chr(c):
        for d in parts:  # what composes is a part of something
            active[ord(d)] = 1
    # A mark comes before one of a higher combining class, 240 being the highest.
    if parts != chr(c) or nfd.normalize_str("a\u0345" + chr(c)) != "a\u0345" + chr(c) or c == 0x345:
        active[c] = 1
write("compose.bin", active)
