#!/usr/bin/env python3
"""Asks transformers what chat templates write: conversations.json.

The templates were written for this test. Each writes the format of a family of models,
with the constructs that the models' own templates use for it (namespaces, slices, trim,
raise_exception, dates, white space control); the formats are those of the model cards
of Qwen2, Qwen2.5, Qwen3, SmolLM2, Llama 2, 3 and 3.1, Mistral, Zephyr, Gemma and Gemma 3,
Phi-3 and LFM2. The last ones are of no family, and are rendered. transformers renders
them by its own environment of Jinja.
"""
import json, sys, tempfile
from transformers import PreTrainedTokenizerFast
from tokenizers import Tokenizer, models

CHATML_TAIL = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"


def chatml(default):
    return ("{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}{%- else %}"
            "{{- '<|im_start|>system\\n" + default + "<|im_end|>\\n' }}{%- endif %}"
            "{%- for m in messages %}{%- if not (m.role == 'system' and loop.first) %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{%- endif %}{%- endfor %}" + CHATML_TAIL)


def llama3(head):
    return ("{{- bos_token }}\n" + head + "{%- for m in rest %}\n"
            "    {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}\n"
            "{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}\n{%- endif %}\n")


ALTERNATE = "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('the roles must take turns') }}{% endif %}"
SPLIT = "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set s = messages[0]['content'] %}{% else %}{% set rest = messages %}{% set s = false %}{% endif %}"

TEMPLATES = {
    "chatml": "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" + CHATML_TAIL,
    "qwen2": chatml("You are a helpful assistant."),
    "qwen2.5": chatml("You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
    "smollm2": "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\\n' }}{% endif %}{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n'}}{% endfor %}" + CHATML_TAIL,
    "qwen3": """{%- set ns = namespace(last=messages|length - 1, found=false) %}
{%- for m in messages[::-1] %}
    {%- set at = (messages|length - 1) - loop.index0 %}
    {%- if not ns.found and m.role == "user" and not (m.content.startswith('<tool_response>')) %}
        {%- set ns.found = true %}
        {%- set ns.last = at %}
    {%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- if m.role != "assistant" %}
        {{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}
    {%- else %}
        {%- set thought = '' %}
        {%- set said = m.content %}
        {%- if '</think>' in said %}
            {%- set thought = said.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set said = said.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + said.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + said }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    "llama3": llama3("{%- set rest = messages %}\n"),
    "llama3.1": llama3("""{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{#- the system text #}
{%- if messages[0]['role'] == 'system' %}
    {%- set s = messages[0]['content']|trim %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set s = "" %}
    {%- set rest = messages %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- s }}
{{- "<|eot_id|>" }}
"""),
    "llama2": SPLIT + "{% for m in rest %}" + ALTERNATE + "{% if loop.index0 == 0 and s != false %}{% set c = '<<SYS>>\\n' + s + '\\n<</SYS>>\\n\\n' + m['content'] %}{% else %}{% set c = m['content'] %}{% endif %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + c.strip() + ' [/INST]' }}{% elif m['role'] == 'assistant' %}{{ ' ' + c.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "mistral": "{{ bos_token }}{% for m in messages %}" + ALTERNATE + "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}{% elif m['role'] == 'assistant' %}{{ m['content'] + eos_token }}{% else %}{{ raise_exception('only users and assistants') }}{% endif %}{% endfor %}",
    "mistral-v1": SPLIT + "{{ bos_token }}{% for m in rest %}" + ALTERNATE + "{% if m['role'] == 'user' %}{% if loop.first and s %}{{ ' [INST] ' + s + '\\n\\n' + m['content'] + ' [/INST]' }}{% else %}{{ ' [INST] ' + m['content'] + ' [/INST]' }}{% endif %}{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}",
    "mistral-v3": SPLIT + "{{ bos_token }}{% for m in rest %}" + ALTERNATE + "{% if m['role'] == 'user' %}{% if loop.last and s or rest|length < 3 and s %}{{ '[INST] ' + s + '\\n\\n' + m['content'] + '[/INST]' }}{% else %}{{ '[INST] ' + m['content'] + '[/INST]' }}{% endif %}{% else %}{{ ' ' + m['content']|trim + eos_token }}{% endif %}{% endfor %}",
    "mistral-nemo": SPLIT + "{{ bos_token }}{% for m in rest %}" + ALTERNATE + "{% if m['role'] == 'user' %}{% if loop.last and s or rest|length < 3 and s %}{{ '[INST]' + s + '\\n\\n' + m['content'] + '[/INST]' }}{% else %}{{ '[INST]' + m['content'] + '[/INST]' }}{% endif %}{% else %}{{ m['content'] + eos_token }}{% endif %}{% endfor %}",
    "mistral-v7": "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST]' + m['content'] + '[/INST]' }}{% elif m['role'] == 'system' %}{{ '[SYSTEM_PROMPT]' + m['content'] + '[/SYSTEM_PROMPT]' }}{% else %}{{ m['content'] + eos_token }}{% endif %}{% endfor %}",
    "zephyr": """{% for m in messages %}
{% if m['role'] == 'user' %}
{{ '<|user|>\\n' + m['content'] + eos_token }}
{% elif m['role'] == 'system' %}
{{ '<|system|>\\n' + m['content'] + eos_token }}
{% elif m['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + m['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system text') }}{% endif %}{% for m in messages %}" + ALTERNATE + "{% if (m['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}",
    "gemma3": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set before = messages[0]['content'] + '

' -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set before = "" -%}
    {%- set rest = messages -%}
{%- endif -%}
{%- for m in rest -%}
    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("the roles must take turns") }}
    {%- endif -%}
    {{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' + (before if loop.first else "") }}
    {%- if m['content'] is string -%}
        {{ m['content'] | trim }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}""",
    # Of no family.
    "-phi": "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
    "-bos and a macro": "{% macro turn(who, what) %}[{{ who|upper }}] {{ what|trim }}\n{% endmacro %}{{ bos_token }}{% for m in messages if m.content %}{{ turn(m.role, m.content) }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}[ASSISTANT] {% endif %}",
    "-no generation prompt": "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}",
    "-a date": "{{ 'Today is ' + strftime_now('%d %b %Y') if strftime_now is defined }}\n{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "!thoughts leave": "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' and not loop.last %}{{ m.content|upper }}{% else %}{{ m.content }}{% endif %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
}

CONVERSATIONS = [
    [["user", "Who sat?"], ["assistant", "The hen."]],
    [["system", "Be short."], ["user", " Who sat? "], ["assistant", " The hen\nand the 'owl'. "]],
    [["user", "{{ messages }} {% if %}"], ["assistant", "}}#} '<|end|> <eos>"], ["user", "Where?"], ["assistant", "On \\ \"it\" 漢 🙂."]],
    [["system", "Be kind."], ["user", "Who?"], ["assistant", "I."], ["user", "You?"], ["assistant", "<think>\nHm.\n</think>\n\nI."]],
]


def main():
    out = {"conversations": CONVERSATIONS, "templates": []}
    t = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<bos>", eos_token="<eos>")
    import transformers.utils.chat_template_utils as u
    import datetime as d

    class Fixed(d.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2024, 7, 26)

    u.datetime = Fixed  # strftime_now tells the date of the test
    for name, template in TEMPLATES.items():
        texts = []
        for c in CONVERSATIONS:
            row = []
            ms = [{"role": r, "content": x} for r, x in c]
            for upto, ask in [(len(ms), False)] + [(i, True) for i, m in enumerate(ms) if m["role"] == "assistant"]:
                try:
                    row.append(t.apply_chat_template(ms[:upto], chat_template=template, tokenize=False, add_generation_prompt=ask, enable_thinking=False))
                except Exception as e:
                    row.append(None)
            texts.append(row)
        out["templates"].append({"name": name, "template": template, "texts": texts})
    json.dump(out, sys.stdout, ensure_ascii=False, indent=1)
    print()


main()
