"""Hostile strings for tokenizers: the same ones on every run."""
import random
import sys
import unicodedata

SPACES = [chr(c) for c in range(sys.maxunicode + 1)
          if not 0xD800 <= c < 0xE000 and (chr(c).isspace() or c in (0x180E, 0x200B, 0x2060, 0xFEFF))]
CONTROLS = [chr(c) for c in list(range(0x20)) + list(range(0x7F, 0xA0))]
DIGITS = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in ("Nd", "Nl", "No")]
MARKS = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in ("Mn", "Mc", "Me")]
SCRIPTS = ["今日は良い天気ですね", "你好，世界！", "한국어 띄어쓰기", "\u1112\u1161\u11ab", "สวัสดีชาวโลก", "नमस्ते दुनिया",
           "مرحبا بالعالم", "مُحَمَّد", "שָׁלוֹם עוֹלָם", "Привет, мир", "Γειά σου Κόσμε", "გამარჯობა", "Բարեւ աշխարհ", "ሰላም ዓለም",
           "\u202bאבג\u202c abc \u200fdef\u200e", "Zürich Straße naïve Ǆ ǅ ǆ", "ﬁ ﬂ ﬀ ſ K Å", "tiếng Việt", "İstanbul ıI",
           "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚", "𐍈𐌰𐌽 𒀀𒀁 𓀀", "ａｂｃ１２３！"]
EMOJI = ["👨‍👩‍👧‍👦", "👩🏽‍🚀", "🏳️‍🌈", "🇩🇪🇫🇷", "1️⃣", "❤️", "☺", "🤷🏿‍♂️", "😀😀😀", "👍🏻"]
CODE = ["def f(x):\n    return x+1\n", "\tif (a&&b) {\r\n\t\tc++;\r\n\t}", "https://example.org/a?b=c&d=%20#e", "a_b-c.d@e.org",
        "<div class=\"x\">&nbsp;</div>", "$3.14 £5 €10 ¥1,000.00", "C:\\path\\file.txt", "x²+y³=½z⅓", "...!!!???", "----====____", "#hashtag @user"]
SPECIAL = ["<|endoftext|>", " <|endoftext|> ", "<|endoftext|", "|endoftext|>", "<<|endoftext|>>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>",
           "<|ENDOFTEXT|>", "<| endoftext |>", "<pad>", "<|im_start|>user\nhi<|im_end|>\n", "foobar", "a foobarfoo", "\n<|endoftext|>\n\n", "  ", "x  y   z    ",
           "<|im_start|><pad><|endoftext|>foobar  <|im_end|>"]
QUOTES = ["'", "\u2019", "`", "''"]
ENDINGS = ["s", "t", "re", "ve", "m", "ll", "d", "S", "T", "RE", "VE", "M", "LL", "D", "Re", "lL", "x", "r", "l", "v", "sa", "ses", "1", " s", ""]
SUBJECTS = ["The king", "A small boat", "My neighbour's dog", "Every student", "The old clock", "Nobody"]
VERBS = ["doesn't see", "carried", "has been waiting for", "will've forgotten", "they're told of", "measured"]
OBJECTS = ["the river", "1,024 stars", "a red door", "what she'd said", "its own shadow", "nothing at all"]


def fixed():
    out = ["", " ", "\n", "a", "'"]
    for s in SPACES:
        out += [s, s * 3, "a" + s + "b", s + "a", "a" + s, "a" + s + " " + "b", " " + s + "b", "1" + s + s + "2", s + "!" + s + "\n", "it's" + s + "'s"]
    for q in QUOTES:
        for e in ENDINGS:
            out += ["I" + q + e, "we " + q + e + " go", q + e, "!" + q + e + q + e]
    for c in CONTROLS:
        out += [c, "a" + c + "b", " " + c + c + " 1"]
    for s in SCRIPTS + EMOJI + CODE + SPECIAL:
        out += [s, " " + s + " ", "x" + s + "x", s + s, s + "\n\n" + s]
    for s in SUBJECTS:
        for v in VERBS:
            for o in OBJECTS:
                out.append(f"{s} {v} {o}.")
    # Letters and digits that were assigned in Unicode 15.1, 16.0 and 17.0, then what never will be.
    for c in (0x2EBF0, 0x2EE5D, 0x1C89, 0x1C8A, 0xA7CB, 0xA7DA, 0x105C0, 0x10D40, 0x10D4A, 0x11BF0, 0x16100, 0x1CCF0, 0x1E5D0, 0x088F, 0x0C5C,
              0xA7D2, 0x16EA0, 0x323B0, 0x0378, 0xE000, 0xFFFE, 0xFFFF, 0x1FFFE, 0xF0000, 0x10FFFF, 0xFFFD, 0xFDD0):
        out += [chr(c), "a" + chr(c) + "b", "1" + chr(c) + "2", "!" + chr(c) + "?"]
    for s in ("a", "^", " ", "\n", "\u200d", "é", "今", "0", "'s", "ab", " a", "!\n", "\u0301", "😀", "\x00"):
        out += [s * n for n in (2, 3, 7, 24, 25, 26, 100, 1000)]
    for raw in (b"\xff\xfe", b"caf\xe9 au lait", b"\xc3(", b"\xed\xa0\x80x", b"\xf0\x9f\x98", b"a\x80b\xbfc", b"\xc0\xaf"):
        out.append(raw.decode("utf-8", "replace"))
    return out


def drawn(n, seed):
    r = random.Random(seed)
    pools = [SPACES, CONTROLS, DIGITS, MARKS, SCRIPTS, EMOJI, CODE, SPECIAL, ["'" + e for e in ENDINGS], SUBJECTS + VERBS + OBJECTS,
             list("abcdefghijklmnopqrstuvwxyz"), list("0123456789"), list("!?.,;:-_()[]{}<>|@#$%^&*+=~/\\\"'"), [" "], ["\n"]]

    def any_char():
        while True:
            c = r.choice((r.randrange(0x250), r.randrange(0x3000), r.randrange(0x10000), r.randrange(0x110000)))
            if not 0xD800 <= c < 0xE000:
                return chr(c)

    out = []
    for _ in range(n):
        parts = []
        mine = r.sample(pools, r.randrange(1, 5))
        for _ in range(r.randrange(1, 12)):
            parts.append(any_char() if r.random() < 0.15 else r.choice(r.choice(mine)))
        out.append("".join(parts))
    return out


def hostile(n=900, seed=1):
    seen = set()
    return [s for s in fixed() + drawn(n, seed) if not (s in seen or seen.add(s))]
