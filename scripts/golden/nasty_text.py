"""Strings that tokenizers get wrong, the same on every run. Used by bpe_goldens.py."""

import random

PROSE = """The quick brown fox jumps over the lazy dog, doesn't it? I've 12 apples, you'll have 3456; we're done. HE'S HERE.
func (r *Reader) Read(p []byte) (n int, err error) {\n\tif len(p) == 0 {\n\t\treturn 0, nil\n\t}\n\treturn r.src.Read(p)\n}
Package bufio implements buffered input and output. It wraps a reader or writer object and adds textual help.
Straße, naïve café, Ångström, Žluťoučký kůň, Здравствуй, мир! Γειά σου Κόσμε. שלום עולם. مرحبا بالعالم. नमस्ते दुनिया।
你好，世界。日本語のテキストです。안녕하세요 세계. ภาษาไทย ไม่มี เว้นวรรค. Tiếng Việt có dấu.
x = 3.14159 * 2**10; y := []int{1, 22, 333, 4444}; $1,234,567.89 (50%) -- see https://example.org/a?b=c&d=%20e#f
""" * 3

FRAGMENTS = [
    " ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", " \n", "\n ", "\t\t", "\x0b", "\x0c", "\x1c", "\x00", "\x7f", "\x85", "\xa0",
    "\u1680", "\u180e", "\u2000", "\u2003", "\u200a", "\u200b", "\u200d", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff",
    "\ufffd", "\ufffe", "\U0010ffff", "\ue000", "'s", "'S", "'t", "'re", "'RE", "'ve", "'m", "'ll", "'LL", "'d", "'\u017f", "\u2019s", "''s",
    "'", '"', "K", "\u212a", "\u017f", "a", "A", "the", "The", " the", "hello", "HELLO", "Hello world", "don't", "I'M", "x'", "1", "12", "123",
    "1234", "12345", "1,234.5", "3.14", "\u0663\u0664", "\u00b2", "\u00bd", "\u2167", "\u3007", "\u4e00", "\U0001d7d8", "\u0e50", "\u1369", "\u00e9",
    "e\u0301", "\u0301", "\u0327\u0301", "\u0301\u0327", "A\u030a", "\u212b", "\u1e9b\u0323", "\u0344", "\u0340", "\u0374", "\u037e", "\u0958", "\u2adc",
    "\uac00", "\u1100\u1161\u11a8", "\u1100\u1161", "\uac00\u11a8", "\u11a8", "\u304b\u3099", "\u0cc6\u0cc2\u0cd5", "\U0001d15e", "\U0002f800",
    "\U00011935\U00011930", "\U000105d2\u0307", "\u0345\u0301", "\u0ece\u0301", "\u0897\u0327", "\U0001e08f\u0327",
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\u20e3", "#\ufe0f\u20e3",
    "\u05e9\u05c1", "\u0639\u0651", "\u0915\u094d\u0937", "\u0e01\u0e33", "\u0f71\u0f72", "\u202e", "\u00ad", "\u034f", "\U000e0041",
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>user\n", "<|im_end|", "|im_end|>", "<|begin_of_text|>", "<|eot_id|>", "<think>",
    "</think>", "<tool_call>", "<|im_start|><|im_end|>", " <|im_end|> ", "a<|im_end|>b", "<mask>", " <mask> ", "<word>", "a<word>", "<word>b",
    " <word> ", "_<word>", "<word>\u0301", "<caf\u00e9>", "<cafe\u0301>", "<a>", "<ab>", "<abc>", "<abc", "<0x0A>", "<s>", "</s>", "<unk>", "[PAD]",
    "(", ")", "[", "]", "{", "}", "()", "[]", "{}", "!!", "!?", "...", "---", "==", "!=", "->", "//", "/*", "*/", "\\n", "\\", "#", "@", "$", "%", "^", "^^",
    "&", "*", "_", "__", "`", "~", "|", "+", "=", ";", ":", ",", ".", "?", "/", "<", ">", "\u2026", "\u2014", "\u00ab", "\u300c", "\uff01", "\uff21", "\uff11",
    "\U0001d400", "\u2100", "\u2460", "\U00010330", "\U00020000", "\U00031350", "\U0001e900", "\U00011de0", "\u0378", "\u10ff", "\ud7ff", "\uf8ff", "\u0600",
    "e\u033f\u0301", "e\u0323\u0302", "o\u0328\u0304", "\u0340\u0301a", "</s> <mask>", "</s>  [PAD] \n<mask>", "<mask>  <mask>", "[PAD] [PAD]",
]


def strings(count: int, seed: int = 20261122) -> list[str]:
    """Every fragment alone, joins of fragments, pieces of prose with changes, and random code points."""
    r = random.Random(seed)
    out = ["", *FRAGMENTS]
    blocks = [(0, 0x80), (0, 0x250), (0x300, 0x370), (0x370, 0x600), (0x600, 0x1000), (0x1000, 0x3000), (0x3000, 0xD800), (0xE000, 0x10000),
              (0x10000, 0x20000), (0x1F300, 0x1FB00), (0x20000, 0x110000)]
    while len(out) < count:
        kind = r.random()
        if kind < 0.62:
            out.append("".join(r.choice(FRAGMENTS) for _ in range(r.randint(2, 9))))
        elif kind < 0.82:
            at = r.randrange(len(PROSE) - 60)
            s = list(PROSE[at : at + r.randint(5, 60)])
            for _ in range(r.randint(0, 3)):
                s.insert(r.randint(0, len(s)), r.choice(FRAGMENTS))
            out.append("".join(s))
        elif kind < 0.87:
            out.append(r.choice(FRAGMENTS) * r.randint(2, 40))
        else:
            lo, hi = r.choice(blocks)
            out.append("".join(chr(c) for c in (r.randrange(lo, hi) for _ in range(r.randint(1, 14))) if not 0xD800 <= c <= 0xDFFF))
    return out
