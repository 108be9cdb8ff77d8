#!/usr/bin/env python3
"""Has transformers read what the project writes from models.tar.gz.

    go test ./hub -run TestLlamaRoundTrip -args -exported DIR
    python check.py DIR

Every model must load with no missing and no unexpected key, and give the logits of
judged.json.gz. exported.json then gets the SHA-256 of every file that was read.
"""
import gzip
import hashlib
import json
import pathlib
import sys

import torch
import transformers

import make

HERE = pathlib.Path(__file__).parent


def main():
    folder = pathlib.Path(sys.argv[1])
    judged = json.loads(gzip.decompress((HERE / "judged.json.gz").read_bytes()))["models"]
    family = {m[0]: m[1] for m in make.MODELS}
    files = {}
    torch.set_default_dtype(torch.float64)
    make.AFTER = 0
    for name, says in judged.items():
        prompt = torch.tensor(says["tokens"])
        logits, _, _ = make.judge(folder / name, family[name], prompt, torch.float64)  # which asserts the keys
        want = torch.frombuffer(bytearray(make.base64.b64decode(says["logits"])), dtype=torch.float64).view_as(logits)
        off = ((logits - want).abs().max() / want.abs().max()).item()
        assert off < 1e-13, (name, off)
        auto = transformers.AutoModelForCausalLM.from_pretrained(folder / name)
        assert type(auto).__name__ == family[name] + "ForCausalLM"
        print(f"{name}: {type(auto).__name__}, no key missing, none unexpected, logits off by {off:.1e}")
        for path in sorted((folder / name).iterdir()):
            files[f"{name}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    (HERE / "exported.json").write_text(json.dumps(dict(versions=versions, files=files), indent=1) + "\n")


if __name__ == "__main__":
    main()
