"""Renders our chat templates with transformers. Go writes chats.json with the templates
(CHATS=write go test ./corpus -run TestChatTemplateAsTheReference, once), this fills in
what transformers writes: python chats.py, transformers 5.24."""
import json, os, tempfile
from transformers import AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))
path = os.path.join(here, "chats.json")
golden = json.load(open(path))
for case in golden["cases"]:
    with tempfile.TemporaryDirectory() as d:
        for name, text in case["files"].items():
            open(os.path.join(d, name), "w", newline="").write(text)
        t = AutoTokenizer.from_pretrained(d)
    case["answers"] = []
    for talk in golden["conversations"]:
        if "\nsystem " not in "\n" + case["source"] and talk[0]["role"] != "user":
            talk = talk[1:]
        answer = {"text": t.apply_chat_template(talk, tokenize=False), "prompt": t.apply_chat_template(talk[:-1], tokenize=False, add_generation_prompt=True)}
        answer["ids"] = t.apply_chat_template(talk, tokenize=True, return_dict=False)
        answer["prompt_ids"] = t.apply_chat_template(talk[:-1], tokenize=True, return_dict=False, add_generation_prompt=True)
        case["answers"].append(answer)
    case["refused"] = ""
    try:
        t.apply_chat_template([{"role": "system", "content": "x"}], tokenize=False)
    except Exception as e:
        case["refused"] = str(e)
with open(path, "w") as f:
    json.dump(golden, f, indent=1, ensure_ascii=True)
    f.write("\n")
