"""Lets transformers answer with the network in chat/, which "pedestrian export" wrote of a
run that was fine-tuned on conversations, and writes chat.json beside this file: the
prompts as its chat template writes them, and the ids that generate makes until it stops.
python chat.py, transformers 5.24."""
import json, os
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

here = os.path.dirname(os.path.abspath(__file__))
d = os.path.join(here, "chat")
tok = AutoTokenizer.from_pretrained(d)
model = AutoModelForCausalLM.from_pretrained(d, dtype=torch.float32)
limit = 30
answers = []
for who in ["hen", "owl", "cat", "dog", "fox", "cow", "bee", "pig"]:
    message = f"Who sat? A {who}."
    prompt = tok.apply_chat_template([{"role": "user", "content": message}], add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**prompt, max_new_tokens=limit, do_sample=False)[0].tolist()
    n = prompt["input_ids"].shape[1]
    answers.append({"message": message, "prompt": out[:n], "answer": out[n:], "text": tok.decode(out[n:], skip_special_tokens=True)})
golden = {"limit": limit, "eos": model.generation_config.eos_token_id, "eos_token": tok.eos_token, "bos_token": tok.bos_token, "answers": answers}
with open(os.path.join(here, "chat.json"), "w") as f:
    json.dump(golden, f, indent=1)
    f.write("\n")
