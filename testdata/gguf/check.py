"""Reads GGUF files of ours with the gguf package and compares every tensor with the
safetensors that transformers wrote (testdata/peft/bases).

    go test ./hub -run TestLlamaCpp -args -gguf DIR
    python testdata/gguf/check.py DIR
"""

import pathlib
import sys

import gguf
import numpy as np
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file

HERE = pathlib.Path(__file__).parent
table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, 3)
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.check")):
    base, kind, _ = path.name.split(".")
    theirs = load_file(HERE.parent / "peft" / "bases" / base / "model.safetensors")
    reader = gguf.GGUFReader(path)
    ours = {t.name: t for t in reader.tensors}
    used = set()
    for name, want in theirs.items():
        name = name.removeprefix("transformer.")
        to = table.get_name(name, try_suffixes=(".weight", ".bias"))
        if any(name.endswith(s) for s in ("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            want = want.T
        t = ours[to]
        used.add(to)
        got = dequantize(t.data, t.tensor_type) if t.tensor_type not in (0, 1) else np.array(t.data)
        if t.tensor_type == 1:
            want = want.astype(np.float16)
        elif t.tensor_type == 30:
            want = dequantize(quantize(want, t.tensor_type), t.tensor_type)
        assert got.shape == want.shape and np.array_equal(got, want), (path.name, to)
    assert used == set(ours), set(ours) - used
    fields = {k: f.contents() for k, f in reader.fields.items()}
    assert fields["general.architecture"] == "gpt2" and fields["gpt2.block_count"] == 3
    print(f"{path.name}: {len(used)} tensors, all equal")
