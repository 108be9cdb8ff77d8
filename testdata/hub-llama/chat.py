#!/usr/bin/env python3
"""A tiny model as SmolLM2-Instruct is published: smollm-chat/.

    python chat.py

Llama architecture, tied, bf16; a byte-level BPE that takes digits alone, learnt from a few
sentences; ChatML with a system text of its own. chat.json has what tokenizers and
transformers say of some texts and conversations.
"""
import json
import pathlib

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

import make

HERE = pathlib.Path(__file__).parent
TEXT = ["The capital of France is Paris, and that of Japan is Tokyo.", "One day a fox met a hen. Can you help me? I can, said the hen.",
        "What is 12 + 30? It is 42. What is 7 + 5? It is 12.", "Write a short story about a cat that sleeps all day in the sun."] * 3
TEMPLATE = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant "
            "named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def main():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tok.decoder = decoders.ByteLevel()
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tok.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=340, special_tokens=marks, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<|endoftext|>", pad_token="<|im_end|>",
                                                additional_special_tokens=["<|im_start|>", "<|im_end|>"], model_max_length=128, clean_up_tokenization_spaces=False)
    fast.chat_template = TEMPLATE
    config = transformers.LlamaConfig(vocab_size=352, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
                                      max_position_embeddings=128, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2,
                                      rope_parameters=dict(rope_type="default", rope_theta=100000.0))
    torch.manual_seed(1)
    model = transformers.LlamaForCausalLM(config).eval()
    make.generic(model, 7)
    folder = HERE / "smollm-chat"
    model.to(torch.bfloat16).save_pretrained(folder)
    fast.save_pretrained(folder)
    texts = TEXT[:4] + ["12345 a1b2", " <|im_end|>x", "é 日本 😀\n\n", ""]
    talk = [{"role": "user", "content": "What is 7 + 5?"}, {"role": "assistant", "content": "It is 12."}, {"role": "user", "content": "Thanks"}]
    says = dict(texts=texts, ids=[fast(t)["input_ids"] for t in texts], rendered=fast.apply_chat_template(talk, tokenize=False, add_generation_prompt=True))
    (HERE / "chat.json").write_text(json.dumps(says, indent=1) + "\n")
    print(sorted(p.name for p in folder.iterdir()), tok.get_vocab_size())


if __name__ == "__main__":
    main()
