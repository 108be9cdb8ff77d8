"""Loads what Tokenizer.HuggingFace wrote of characters and bytes with AutoTokenizer, and
asks for ids. Go writes plain.json with the files (PLAIN=write go test ./token -run
TestPlainAsTheReference once), this fills in the answers: python plain.py, transformers 5.24."""
import json, os, tempfile
from transformers import AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))
path = os.path.join(here, "plain.json")
texts = {
    "bytes": ["", "Hello, world!", "  two  spaces \n\n\nand\tlines\r\n", "don't we'll", "à ß 漢字 🙂 a\u0301 \u00a0\u2028", "<|endoftext|> 0123456789 \u0000\u007f"],
    "chars": ["", "ABC abc.", "  a  b \n\n\nc\tC\r\n", "'a'.<A>!\"", "à ß 漢字 🙂 a\u0301 \u00a0\u2028é", "\\{a}\\"],
}
golden = json.load(open(path))
for g in golden:
    with tempfile.TemporaryDirectory() as d:
        for name, text in g["files"].items():
            open(os.path.join(d, name), "w", newline="").write(text)
        t = AutoTokenizer.from_pretrained(d)
    g["texts"] = []
    for text in texts[g["kind"]]:
        ids = t(text).input_ids
        g["texts"].append({"text": text, "ids": ids, "back": t.decode(ids)})
    g["refused"] = ""
    if g["kind"] == "chars":
        try:
            t("abcZ")
        except Exception as e:
            g["refused"], g["says"] = "abcZ", str(e)
with open(path, "w") as f:
    json.dump(golden, f, indent=1, ensure_ascii=True)
    f.write("\n")
