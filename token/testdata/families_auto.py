"""Loads the directories that package token writes with transformers, as the class that their
configuration names, and compares the ids of the strings in families_ids.json. Run from the
root of the module, with Go on PATH:

    python token/testdata/families_auto.py

transformers 5.24.0 gave the same ids.
"""
import json
import os
import subprocess
import tempfile

from transformers import AutoTokenizer

with open("token/testdata/families_ids.json", encoding="utf-8") as f:
    cases = json.load(f)
with tempfile.TemporaryDirectory() as d:
    subprocess.run(["go", "test", "./token", "-count=1", "-run", "TestFamiliesAreWritten"], env={**os.environ, "FAMILIES": d}, check=True)
    names = sorted(os.listdir(d))
    assert len(names) == 9, names
    for name in names:
        t = AutoTokenizer.from_pretrained(os.path.join(d, name))
        for text, ids in cases:
            assert t(text)["input_ids"] == ids[name], (name, text)
        print(name, type(t).__name__, len(cases), "strings")
