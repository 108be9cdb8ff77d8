#!/usr/bin/env python3
"""Asks Jinja 3.1 what templates write, as transformers sets it up: templates.json.

Every template here was written for this test. The first list is one construct each,
the second random expressions of a seeded grammar; conversations.py beside package
corpus does the same with whole chat templates.
"""
import datetime, json, random, sys
import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    e = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])

    def refuse(message):
        raise jinja2.exceptions.TemplateError(message)

    e.filters["tojson"] = lambda v, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        v, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    e.globals["raise_exception"] = refuse
    e.globals["strftime_now"] = lambda f: datetime.datetime(2024, 7, 26).strftime(f)
    return e


VARS = {
    "s": "  Héllo <b> \"w'orld\" \n", "t": "a,b,,c", "e": "", "n": 7, "m": -3, "z": 0, "f": 2.5, "yes": True, "no": False, "nil": None,
    "l": [3, 1, 2], "w": ["b", "A", "c"], "d": {"role": "user", "content": "Hi", "items": "own"}, "deep": {"a": [{"b": "x"}, {"b": "y"}, {"c": 1}]},
    "messages": [{"role": "system", "content": " S "}, {"role": "user", "content": "U\n"}, {"role": "assistant", "content": "A"}],
}

FIXED = r"""
{{ s }}
{{ s|trim }}|{{ t|upper }}|{{ w|join(', ') }}|{{ w|join }}
{{ s.strip() }}|{{ s.lstrip() }}|{{ s.rstrip() }}|{{ t.strip('a') }}
{{ t.split(',') }}|{{ s.split() }}|{{ t.split(',', 1)[1] }}|{{ 'x'.split('x')|length }}
{{ t.startswith('a') }}{{ t.endswith(('x','c')) }}{{ t.find('b') }}{{ t.count(',') }}{{ t.replace(',', ';') }}{{ t.replace(',', ';', 1) }}
{{ 'aa'.replace('', '-') }}{{ t|replace(',', '')|title }}{{ 'hELLO wORLD-x'.title() }}{{ 'hELLO'.capitalize() }}
{{ l }}{{ w }}{{ d }}{{ deep }}{{ (1,) }}{{ (1, 'a') }}{{ 1, 2 }}{{ [] }}{{ {} }}{{ nil }}{{ yes }}
{{ f }}{{ 1e20 }}{{ 1.0 }}{{ 10 / 4 }}{{ 10 // 4 }}{{ -7 // 2 }}{{ -7 % 3 }}{{ 7 % -3 }}{{ 2 ** 10 }}{{ 1_000 }}
{{ 1 + 2 * 3 - 4 }}{{ (1 + 2) * 3 }}{{ -n + 1 }}{{ 'a' * 3 }}{{ 2 * 'ab' }}{{ 'a' ~ 1 ~ nil ~ yes }}{{ l + [4] }}
{{ 1 < 2 < 3 }}{{ 1 < 2 > 3 }}{{ 'a' < 'b' }}{{ 1 == 1.0 }}{{ yes == 1 }}{{ 'a' == 'a' != 'b' }}{{ l == [3,1,2] }}{{ d == d }}{{ nil == nil }}
{{ 1 in l }}{{ 9 not in l }}{{ 'b' in t }}{{ 'role' in d }}{{ 'x' in d }}{{ 'a' in missing }}
{{ missing }}|{{ missing is defined }}|{{ d.missing }}|{{ missing|default('x') }}|{{ e|default('x') }}|{{ e|default('x', true) }}|{{ missing == missing }}|{{ nil|d('y') }}
{{ missing.x }}
{{ missing.x is defined }}
{{ missing() }}
{{ missing + 'x' }}
{{ 'x' + missing }}
{{ 'x' + 1 }}
{{ 1 + 'x' }}
{{ l[0] }}{{ l[-1] }}{{ l[9] }}{{ l[1:] }}{{ l[::-1] }}{{ l[:-1] }}{{ l[5:] }}{{ t[1] }}{{ t[::2] }}{{ t[-3:] }}{{ l[::-2] }}{{ l[2:0:-1] }}{{ t[:100] }}
{{ d.role }}{{ d['role'] }}{{ d.get('role') }}{{ d.get('x') }}{{ d.get('x', 'y') }}{{ d.content.upper() }}{{ d['items'] }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{{ d.keys()|list }}{{ d.values()|list }}{{ d|items|list }}{{ d|dictsort }}
{{ deep.a[0].b }}{{ deep['a'][1]['b'] }}{{ deep.a|map(attribute='b')|list|length }}{{ deep.a|selectattr('b', 'defined')|map(attribute='b')|join('+') }}{{ deep.a|rejectattr('b')|list }}
{{ l|select('odd')|list }}{{ l|reject('equalto', 1)|list }}{{ l|map('string')|join('-') }}{{ w|map('upper')|list }}{{ messages|selectattr('role', 'equalto', 'user')|first|tojson }}
{{ l|first }}{{ l|last }}{{ l|sort }}{{ w|sort }}{{ w|sort(reverse=true) }}{{ l|reverse|list }}{{ 'abc'|reverse }}{{ l|length }}{{ t|length }}{{ d|count }}{{ missing|length }}
{{ l|select|length }}
{{ '12'|int }}{{ 'x'|int }}{{ 'x'|int(5) }}{{ 2.9|int }}{{ -2|abs }}{{ nil|int }}{{ ' 3 '|int + 1 }}
{{ d|tojson }}{{ s|tojson }}{{ deep|tojson(indent=2) }}{{ [1, 2.0, nil, yes, 'é<>&']|tojson }}{{ []|tojson(indent=1) }}
{{ s is string }}{{ n is number }}{{ yes is boolean }}{{ yes is number }}{{ d is mapping }}{{ l is sequence }}{{ s is iterable }}{{ nil is none }}{{ n is odd }}{{ l is iterable }}{{ missing is iterable }}{{ n is not string }}{{ no is false }}{{ yes is true }}{{ 1 is true }}{{ f is float }}{{ n is integer }}
{{ n is eq 7 }}{{ n is in [7] }}{{ n is ne(7) }}{{ 3 is gt 2 }}{{ n is defined and n is number }}{{ 'a' if n is defined else 'b' }}
{% if n > 5 and not no or nil %}y{% else %}n{% endif %}{% if z %}a{% elif e %}b{% elif l %}c{% else %}d{% endif %}
{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem.role }}{{ loop.nextitem is defined }}{{ loop.cycle('a','b') }};{% endfor %}
{% for m in messages if m.role != 'user' %}{{ loop.length }}{{ m.role }}{% else %}none{% endfor %}{% for x in [] %}a{% else %}none{% endfor %}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}{{ range(2, 8, 3)|list }}{{ range(3, 0, -1)|list }}
{% for a in l %}{% for b in w %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}{% if yes %}{% set x = 5 %}{% endif %}{{ x }}
{% set ns = namespace(a=1, b='x') %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set q %}in {{ n }}{% endset %}[{{ q }}]{% set q | upper %}ab{% endset %}{{ q }}
{% macro m(a, b='d', c=b) %}<{{ a }}{{ b }}{{ c }}>{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m() }}{{ m(b=1, a=2)|length }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(x=2) }}
{% macro f(k) %}{% if k > 0 %}{{ k }}{{ f(k - 1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% set v = 1 %}{% macro g() %}{{ v }}{% endmacro %}{% set v = 2 %}{{ g() }}
{% macro w2() %}[{{ caller() }}]{% endmacro %}{% call w2() %}body{% endcall %}{% filter upper %}abc{{ n }}{% endfilter %}
{% generation %}{{ n }}{% endgeneration %}{# a comment #}{#- another -#} x {#+ #} y
  {% if yes %}  
  a
  {% endif %}  
b {%- if yes -%}  c  {%- endif %} d {{- n -}}  e
    {%+ if yes %}kept{% endif +%}
line{% if yes %}

two{% endif %}

a {# c #}
  {# c #}
  b
{{ '\n\t\\\'\"\x41\u00e9\q' }}{{ "a" 'b' }}{{ 'a\
b' }}
{{ raise_exception('no: ' + d.role) }}
{{ strftime_now('%d %b %Y') }}{{ strftime_now('%Y-%m-%d %H:%M %A %B %%') }}
{{ not yes }}{{ not missing }}{{ yes and 'a' }}{{ no or 'b' }}{{ e or nil }}{{ nil and 1 }}{{ 'a' if no }}|
{{ 'a' if no else 'b' if no else 'c' }}{{ (1, 2)[1] }}{{ {'a': {'b': 1}}.a.b }}{{ {'k': n, 'j': [1]} }}
{{ n.real }}{{ 'x'.nothing }}{{ l.nothing }}
{{ l.append(4) }}
{{ d.update({}) }}
{{ ''.__class__ }}
{{ d.__class__.__mro__ }}
{{ nil|length }}
{{ nil + 1 }}
{% for x in nil %}{% endfor %}
{% for x in 5 %}{% endfor %}
{{ 5|join }}
{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }}{% endfor %}{% for a, b in l %}{% endfor %}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ d|first }}{{ 'abc'|last }}{{ ''|first }}{{ 'abc'|list }}{{ w|join(d.role) }}
{{ undefined_function('x') }}
{{ '<' ~ ('a' 'b')|upper ~ '>' }}{{ -l[0] }}{{ -'1'|int }}{{ not n == 7 }}{{ 2 ** 3 ** 2 }}{{ -2 ** 2 }}{{ 'a' ~ 1 + 1 }}
{{ messages[-1]['content'] + messages[0].content|trim }}{{ messages[1:]|length }}{{ messages[0]['role'] == 'system' and messages|length % 2 == 1 }}
{%- set l2 = [] -%}{%- for m in messages -%}{%- set l2 = l2 + [m.role] -%}{{ l2|length }}{%- endfor -%}{{ l2|length }}
{{ "{{ not a tag }}" }}{{ '%}' }}{{ {} }}{{ {'a': {}} }}
a{%if yes%}b{%endif%}c{{n}}d
{% if yes %}1{% if no %}2{% else %}3{% endif %}4{% endif %}
{{ s|trim|replace('l', 'L')|length }}{{ (s|trim).upper() }}{{ 'x' is string and 'y' }}{{ (n)|string + 'x' }}{{ n|string|length }}
{{ 'a\nb'.splitlines() }}{{ ', '.join(w) }}{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'x.y'.removesuffix('.y') }}
{{ l|join(',', attribute=0) }}
{{ deep.a|join(',', attribute='b') }}
{{ 'é'|length }}{{ '漢字🙂'[1] }}{{ '漢字🙂'|reverse }}{{ 'ÉCOLE'.lower() }}{{ 'école'|upper }}{{ 'école élan'|title }}
{{ loop }}
{{ 0x10 }}
{% if %}{% endif %}
{% endif %}
{{ }}
{{ a b }}
{% for %}{% endfor %}
{{ 'a' | }}
{{ (1 }}
{% set 1 = 2 %}
{{ n is unknown_test }}
{{ n | unknown_filter }}
{% unknown %}
{{ x = 1 }}
{# never ends
{{ 'never ends }}
{% if yes %}
{% include 'x' %}
"""


def fixed():
    parts, block = [], []
    for line in FIXED[1:].split("\n"):
        parts.append(line)
    # Lines that belong together: the ones that test white space.
    text = FIXED[1:]
    start, end = text.index("  {% if yes %}  \n"), text.index("{{ '\\n\\t")
    tail = text.index("{{ raise_exception('no")
    return [x for x in text[:start].split("\n") if x] + [text[start:end], text[start:end] + "\n", text[start:end].replace("\n", "\r\n"), text[end:tail]] + [x for x in text[tail:].split("\n") if x]


ATOMS = ["s", "t", "e", "n", "m", "z", "f", "yes", "no", "nil", "l", "w", "d", "missing", "d.role", "deep.a", "messages", "messages[0].content", "'x'", "1", "'a,b'", "[]", "[1, 'a']", "{'k': 2}", "(1, 2)", "2.0"]
FILTERS = ["trim", "length", "upper", "lower", "string", "default('q')", "list", "first", "last", "join('-')", "int", "tojson", "sort", "reverse|list", "map('string')|list", "select|list", "items|list", "replace('a', 'b')", "title", "capitalize", "abs"]
TESTS = ["defined", "none", "string", "number", "mapping", "iterable", "sequence", "boolean", "true", "false", "undefined", "integer", "float", "odd", "eq 1", "in l"]
METHODS = ["strip()", "split(',')", "upper()", "startswith('a')", "items()|list", "get('role')", "keys()|list", "rstrip('\\n')", "replace('a', '')", "lstrip()"]


def expression(r, depth):
    if depth == 0 or r.random() < 0.2:
        return r.choice(ATOMS)
    sub = lambda: expression(r, depth - 1)
    return r.choice([
        lambda: f"({sub()} {r.choice(['+', '-', '*', '/', '//', '%', '~', '==', '!=', '<', '>=', 'and', 'or', 'in', 'not in'])} {sub()})",
        lambda: f"({sub()})|{r.choice(FILTERS)}",
        lambda: f"(({sub()}) is {r.choice(['', 'not '])}{r.choice(TESTS)})",
        lambda: f"({sub()}).{r.choice(METHODS)}",
        lambda: f"({sub()})[{r.choice(['0', '-1', '1:', '::-1', ':2', repr('role'), 'n', '1:3'])}]",
        lambda: f"({sub()} if {sub()} else {sub()})",
        lambda: f"(not {sub()})", lambda: f"(-{sub()})", lambda: f"[{sub()}, {sub()}]",
    ])()


def main():
    n, seed = (int(x) for x in sys.argv[1:3]) if len(sys.argv) > 2 else (600, 1)
    r = random.Random(seed)
    e, cases = environment(), []
    sources = fixed() + ["{{ " + expression(r, 3) + " }}" for _ in range(n)]
    for source in sources:
        try:
            cases.append({"template": source, "text": e.from_string(source).render(**json.loads(json.dumps(VARS)))})
        except Exception as err:
            cases.append({"template": source, "error": f"{type(err).__name__}: {err}"[:100]})
    json.dump({"vars": VARS, "cases": cases}, sys.stdout, ensure_ascii=False, indent=0)
    print()


main()
