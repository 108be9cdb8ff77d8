"""Asks the reference implementation of safetensors about mutated files.

    python make.py COUNT OUT.gz

Files of a few tensors are damaged at random: bytes of the header changed, removed and
repeated, numbers replaced by others, pieces of headers swapped, lengths and tails
altered. OUT has, for each, one byte that says whether safetensors.deserialize took it,
four bytes of length, and the file. Needs safetensors.
"""

import gzip, json, random, struct, sys

import safetensors

rng = random.Random(20240520)
DTYPES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8, "F8_E4M3": 1, "F8_E5M2": 1}
NUMBERS = ["0", "1", "2", "3", "4", "7", "8", "9", "12", "16", "24", "-1", "-0", "1.0", "1e0", "01", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "null", '"4"', "[]"]


def good():
    header, at = {}, 0
    if rng.random() < 0.5:
        header["__metadata__"] = {"format": "pt"}
    for i in range(rng.randrange(4)):
        dtype = rng.choice(list(DTYPES))
        shape = [rng.randrange(4) for _ in range(rng.randrange(4))]
        size = DTYPES[dtype]
        for d in shape:
            size *= d
        header[rng.choice(["a", "b.weight", "ä", "x\n"]) + str(i)] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=rng.choice([(",", ":"), (", ", ": ")]), ensure_ascii=rng.random() < 0.5).encode()
    text += b" " * rng.randrange(9)
    return bytearray(text), rng.randbytes(at)


def damage(text):
    kind = rng.randrange(7)
    i = rng.randrange(len(text)) if text else 0
    if kind == 0 and text:
        text[i] = rng.randrange(256)
    elif kind == 1 and text:
        text[i] = rng.choice(b'{}[]",:0123456789 \\u')
    elif kind == 2:
        del text[i : i + rng.randrange(1, 4)]
    elif kind == 3:
        j = rng.randrange(len(text) + 1)
        text[i:i] = text[min(i, j) : min(i, j) + rng.randrange(1, 60)]
    elif kind == 4:  # a number for a number
        s = text.decode("latin1")
        places = [k for k, c in enumerate(s) if c.isdigit() and not s[k - 1].isalnum()]
        if places:
            k = rng.choice(places)
            e = k
            while e < len(s) and s[e].isdigit():
                e += 1
            text[k:e] = rng.choice(NUMBERS).encode()
    elif kind == 5:
        text += rng.choice([b" ", b"\n", b"x", b"{}", b"\x00", b"}"])
    else:
        for old, new in rng.sample([(b"dtype", b"DTYPE"), (b"shape", b"shap"), (b"F32", b"I32"), (b"pt", b"\\ud800"), (b'"pt"', b"1"), (b"[0", b"[1"), (b"a0", b"b0"), (b"{", b" {"), (b'"a', b'"\\u0061')], 2):
            text = bytearray(text.replace(old, new, 1))
    return text


out, taken = bytearray(), 0
count = int(sys.argv[1])
for _ in range(count):
    text, data = good()
    for _ in range(rng.randrange(3)):
        text = damage(text)
    n = len(text)
    if rng.random() < 0.08:
        n = rng.choice([n - 1, n + 1, n + 8, 0, 2**63, 2**64 - 1, 100_000_001]) % 2**64
    if rng.random() < 0.08:
        data = rng.choice([data[:-1], data + b"\0", data + b"PK\5\6", b""])
    file = struct.pack("<Q", n) + bytes(text) + data
    try:
        safetensors.deserialize(file)
        ok = True
    except Exception:
        ok = False
    taken += ok
    out += struct.pack("<?I", ok, len(file)) + file
with open(sys.argv[2], "wb") as f:
    f.write(gzip.compress(bytes(out), 9, mtime=0))
print(safetensors.__version__, count, "files,", taken, "taken by the reference")
