"""Writes reference.gguf with the gguf package: every kind of value, every type of
number that pedestrian writes. The numbers are those of numbers() in gguf's tests.

    python testdata/gguf/make.py
"""

import pathlib

import gguf
import numpy as np
from gguf.quants import quantize


def numbers(n, seed):
    """Multiples of 2^-20 in (-8, 8), zeros, and a few of other sizes."""
    x, out = seed, []
    for i in range(n):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        v = (x >> 7) / 2**20 - 8
        out.append({0: 0.0, 5: v * 2.0**-20, 9: v * 2.0**-26}.get(i % 37, v))
    return np.array(out, dtype=np.float32)


T = gguf.GGUFValueType
w = gguf.GGUFWriter(pathlib.Path(__file__).with_name("reference.gguf"), "gpt2")
w.add_key_value("a.u8", 200, T.UINT8)
w.add_key_value("a.i8", -100, T.INT8)
w.add_key_value("a.u16", 50000, T.UINT16)
w.add_key_value("a.i16", -30000, T.INT16)
w.add_key_value("a.u32", 4000000000, T.UINT32)
w.add_key_value("a.i32", -2000000000, T.INT32)
w.add_key_value("a.f32", 1e-5, T.FLOAT32)
w.add_key_value("a.bool", True, T.BOOL)
w.add_key_value("a.text", "Ġhé ✓", T.STRING)
w.add_key_value("a.u64", 2**63, T.UINT64)
w.add_key_value("a.i64", -(2**62), T.INT64)
w.add_key_value("a.f64", 0.1, T.FLOAT64)
w.add_array("b.texts", ["a b", "", "Ċ"])
w.add_array("b.numbers", [1, -3, 70000])
w.add_array("b.floats", [0.5, -0.25])
w.add_array("b.truths", [True, False])
for name, rows, cols, kind in [
    ("one", 1, 7, None), ("two.weight", 3, 5, None), ("half", 4, 33, gguf.GGMLQuantizationType.F16),
    ("brain", 2, 19, gguf.GGMLQuantizationType.BF16), ("eight", 5, 96, gguf.GGMLQuantizationType.Q8_0),
]:
    x = numbers(rows * cols, len(name)).reshape((cols,) if rows == 1 else (rows, cols))
    if kind == gguf.GGMLQuantizationType.F16:
        w.add_tensor(name, x.astype(np.float16))
    elif kind is None:
        w.add_tensor(name, x)
    else:
        w.add_tensor(name, quantize(x, kind), raw_dtype=kind)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
