"""Writes the Parquet files of this directory, and beside each what pyarrow reads from it.

    python make.py        (pyarrow 26.0.1)
"""
import json, os
import pyarrow as pa, pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))
message = pa.struct([("role", pa.string()), ("content", pa.string()), ("weight", pa.int64()), ("tool_calls", pa.list_(pa.struct([("id", pa.string())])))])

def turn(role, content, weight=None, calls=None):
    return {"role": role, "content": content, "weight": weight, "tool_calls": calls}

chats = pa.table({
    "id": pa.array([1, 2, 3, 4], pa.int32()),
    "messages": pa.array([
        [turn("system", ""), turn("user", "Höher?"), turn("assistant", "Ja 😀", 0), turn("user", "Und?"), turn("assistant", "Nein", 1)],
        [turn("user", "x" * 300), turn("assistant", "y", None, [])],
        None,
        [turn("user", "a"), turn("assistant", "b", None, [{"id": None}, {"id": "7"}])],
    ], pa.list_(message)),
    "source": pa.array([None] * 4, pa.string()),
})
n = 200
words = ["one", "two", "three", None, "", "five hundred"]
flat = pa.table({
    "prompt": [f"{words[i % 3]} plus {i}" for i in range(n)],
    "completion": [words[i % 6] for i in range(n)],
    "index": pa.array([i * i - 1000 for i in range(n)], pa.int64()),
    "small": pa.array([i % 7 for i in range(n)], pa.uint8()),
    "score": pa.array([i / 8 if i % 5 else None for i in range(n)], pa.float64()),
    "half": pa.array([i / 2 for i in range(n)], pa.float32()),
    "good": pa.array([i % 3 == 0 for i in range(n)]),
    "tags": pa.array([[words[j % 6] for j in range(i % 4)] if i % 9 else None for i in range(n)], pa.list_(pa.string())),
    "grid": pa.array([[[j] * (i % 3) for j in range(i % 3)] for i in range(n)], pa.list_(pa.list_(pa.int32()))),
})

pq.write_table(pa.table({"text": ["a" * (48 << 20)]}), os.path.join(here, "bomb", "page.parquet"), compression="zstd", compression_level=19, use_dictionary=False)

def write(name, table, **options):
    path = os.path.join(here, name)
    pq.write_table(table, path + ".parquet", **options)
    with open(path + ".jsonl", "w") as f:
        for row in pq.read_table(path + ".parquet").to_pylist():
            f.write(json.dumps(row, ensure_ascii=False) + "\n")

write("chats-snappy", chats, compression="snappy")
write("chats-zstd-v2", chats, compression="zstd", data_page_version="2.0", row_group_size=3)
write("flat-none", flat, compression="none", use_dictionary=False, row_group_size=80)
write("flat-gzip", flat, compression="gzip", data_page_size=512)
write("flat-delta", flat, compression="zstd", use_dictionary=False, data_page_version="2.0", column_encoding={
    "prompt": "DELTA_BYTE_ARRAY", "completion": "DELTA_LENGTH_BYTE_ARRAY", "index": "DELTA_BINARY_PACKED", "good": "RLE"}, data_page_size=1024)
