#!/usr/bin/env python3
"""A tiny model as TinyLlama-Chat is published, with tokenizer.model alone: tinyllama-chat/.

    python tinyllama.py        # in the root of the module

Llama architecture with grouped queries, bf16; a model of SentencePiece learnt from a few texts;
the conversations of Zephyr. tinyllama-chat.json has a conversation of three turns: its tokens, as
tokenizers cuts them with the tokenizer.json of TinyLlama for these pieces, and the answers that
transformers gives, each the tokens with the largest logits, decoded by SentencePiece. Among them
are pieces with a space and bytes of characters; a seed without them is passed over.
"""
import json
import pathlib
import shutil
import sys

import sentencepiece
import tokenizers
import torch
import transformers

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "token" / "testdata")]
import families
import make

FOLDER, TOKENS = HERE / "tinyllama-chat", 24
TEMPLATE = ("{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}")
ASKED = ["Who are you?", "\u00bfQu\u00e9 tal? \u4eca\u65e5", "  Go on"]


def main():
    proto = families.sentence_model(800)
    vocab, merges, _ = families.pieces_of(proto)
    tok = tokenizers.Tokenizer.from_str(json.dumps(families.pieces(vocab, merges)))
    sp = sentencepiece.SentencePieceProcessor(model_proto=proto)
    for seed in range(200):
        torch.manual_seed(seed)
        config = transformers.LlamaConfig(vocab_size=800, hidden_size=16, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                                          max_position_embeddings=768, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
                                          rope_parameters=dict(rope_type="default", rope_theta=10000.0))
        model = transformers.LlamaForCausalLM(config).eval()
        make.generic(model, seed)
        model = model.to(torch.bfloat16).float()
        said, turns, margin = [], [], 1e9
        for text in ASKED:
            said.append(dict(role="user", content=text))
            written = transformers.utils.chat_template_utils.render_jinja_template([said], chat_template=TEMPLATE, add_generation_prompt=True, eos_token="</s>")[0][0]
            prompt = tok.encode(written, add_special_tokens=False).ids
            ids = list(prompt)
            with torch.no_grad():
                while len(ids) < len(prompt) + TOKENS and ids[-1] != 2 or len(ids) == len(prompt):
                    best = model(torch.tensor([ids])).logits[0, -1].topk(2)
                    margin = min(margin, (best.values[0] - best.values[1]).item() / best.values[0].item())
                    ids.append(best.indices[0].item())
            answer = ids[len(prompt):]
            shown = [i for i in answer if i != 2]
            text = sp.decode(prompt + shown)[len(sp.decode(prompt)):]
            turns.append(dict(prompt=prompt, answer=answer, text=text))
            said.append(dict(role="assistant", content=text))
        pieces = [tok.id_to_token(i) for t in turns for i in t["answer"]]
        if margin > 1e-3 and len(set(pieces)) > 25 and sum(p.startswith("<0x") for p in pieces) > 6 and pieces[0].startswith("\u2581") and "<unk>" not in pieces and "<s>" not in pieces:
            break
    else:
        raise SystemExit("no seed will do")
    shutil.rmtree(FOLDER, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(FOLDER)
    (FOLDER / "tokenizer.model").write_bytes(proto)
    settings = dict(tokenizer_class="LlamaTokenizer", bos_token="<s>", eos_token="</s>", unk_token="<unk>", add_bos_token=True, add_eos_token=False, legacy=False,
                    model_max_length=768, chat_template=TEMPLATE)
    (FOLDER / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    (HERE / "tinyllama-chat.json").write_text(json.dumps(dict(asked=ASKED, turns=turns), indent=1) + "\n")
    print("seed", seed, "margin", margin, [t["text"] for t in turns])


if __name__ == "__main__":
    main()
