#!/usr/bin/env python3
"""Writes the golden data of loader/tokenizer with the Hugging Face `tokenizers` library.

Usage: python scripts/golden/bpe_goldens.py fixtures               small vocabularies, trained here, with their ids
       python scripts/golden/bpe_goldens.py smollm2 MODEL.gguf     ids of the real SmolLM2 vocabulary
       python scripts/golden/bpe_goldens.py file TOKENIZER.json NAME DIR   ids of another vocabulary, written to DIR
       python scripts/golden/bpe_goldens.py verify GOLDEN.json.gz TOKENIZER.json   does the library agree with GOLDEN on this file?

A golden file holds {"tokenizer": file or "", "ids": [[plain, special or null] per string], "decode": [[ids, text]],
"long": {rule: [count, SHA-256]}, "sweep": [a hash per 4096 code points]}. Needs tokenizers 0.23.3; smollm2 needs gguf.
"""

import gzip
import hashlib
import json
import pathlib
import random
import sys

from nasty_text import PROSE, strings
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = pathlib.Path(__file__).parents[2] / "loader/tokenizer/testdata"
COUNT = 2400
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
MODERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
MARKS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LONG = {
    "a": ("a", 200_000), "space": (" ", 200_000), "newline": ("\n", 200_000), "caret": ("^", 200_000), "digit": ("7", 200_000), "cjk": ("\u4e00", 60_000),
    "zwj": ("\U0001f468\u200d", 30_000), "mark": ("\u0301", 60_000), "nul": ("\0", 200_000), "replacement": ("\ufffd", 60_000), "mixed": ("ab 1'", 50_000),
}


def dump(path: pathlib.Path, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(path, path.stat().st_size)


def encode(t: Tokenizer, text: str, special: bool) -> list[int]:
    t.encode_special_tokens = not special
    return t.encode(text, add_special_tokens=False).ids


def digest(ids) -> str:
    return hashlib.sha256(b"".join(i.to_bytes(4, "little") for i in ids)).hexdigest()


def sweep_text(c: int) -> str:
    ch = chr(c)
    return f"a{ch}b {ch}c'{ch}1{ch}2\n{ch} {ch}\u0301{ch} \u0327{ch}\r{ch}{ch}"


def sweep(t: Tokenizer) -> list[str]:
    t.encode_special_tokens = True
    out = []
    for lo in range(0, 0x110000, 4096):
        texts = [sweep_text(c) for c in range(lo, lo + 4096) if not 0xD800 <= c <= 0xDFFF]
        h = hashlib.sha256()
        for e in t.encode_batch(texts, add_special_tokens=False):
            h.update(b"".join(i.to_bytes(4, "little") for i in e.ids) + b"\xff\xff\xff\xff")
        out.append(h.hexdigest()[:16])
    return out


def decode_cases(t: Tokenizer, seed: int):
    r = random.Random(seed)
    size = t.get_vocab_size()
    single = [i for i in range(size) if t.id_to_token(i) and len(t.id_to_token(i)) <= 2]
    out = []
    for k in range(400):
        pool = single if k % 2 else range(size)
        ids = [r.choice(pool) for _ in range(r.randint(1, 12))]
        out.append([ids, t.decode(ids, skip_special_tokens=False)])
    return out


def golden(t: Tokenizer, with_sweep: bool, file: str = ""):
    rows = []
    for s in strings(COUNT):
        plain, special = encode(t, s, False), encode(t, s, True)
        rows.append([plain, special if special != plain else None])
    long = {}
    for name, (unit, n) in LONG.items():
        ids = encode(t, unit * n, False)
        long[name] = [len(ids), digest(ids)]
    return {"tokenizer": file, "ids": rows, "decode": decode_cases(t, 7), "long": long, "sweep": sweep(t) if with_sweep else []}


def train(pre, normalizer, alphabet, vocab_size, added, **model):
    t = Tokenizer(models.BPE(**model))
    t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, limit_alphabet=len(alphabet), show_progress=False)
    t.train_from_iterator([PROSE, *strings(COUNT, seed=1)], trainer)
    t.add_tokens(added)
    return t


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def fixtures():
    byte_symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    control = [AddedToken(s, special=True, normalized=False) for s in ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|eot_id|>")]
    user = [AddedToken(s, special=False, normalized=False) for s in ("<think>", "</think>", "<tool_call>")]
    odd = [
        AddedToken("<a>", normalized=True), AddedToken("<ab>", normalized=False), AddedToken("<abc>", normalized=True), AddedToken("<caf\u00e9>", normalized=True),
        AddedToken("<mask>", lstrip=True, normalized=False, special=True), AddedToken("<word>", single_word=True, normalized=False),
        AddedToken("[PAD]", rstrip=True, lstrip=True, normalized=True), AddedToken("   ", normalized=False), AddedToken("</s>", rstrip=True, normalized=False, special=True),
        AddedToken("<|im_end|><", special=False, normalized=False), AddedToken("__", single_word=True, normalized=True),
    ]
    seq = pre_tokenizers.Sequence
    nfc = normalizers.NFC()
    families = {
        "gpt2": train(gpt2, None, byte_symbols, 1200, control[:1]),
        "smollm": train(seq([pre_tokenizers.Digits(True), gpt2]), None, byte_symbols[:-12:1], 1200, control[:3]),
        "llama3": train(seq([split(MODERN % r"\p{N}{1,3}"), plain]), None, byte_symbols, 1200, control, ignore_merges=True),
        "qwen2": train(seq([split(MODERN % r"\p{N}"), plain]), nfc, byte_symbols, 1200, control[:3] + user),
        "qwen35": train(seq([split(MARKS), plain]), nfc, byte_symbols, 600, control[:3] + user),
        # Features that no single family has: added tokens of every kind, unknown bytes fused, a prefix space, Digits in runs,
        # patterns without a scanner, every Split behavior.
        "added": train(pre_tokenizers.ByteLevel(add_prefix_space=True), nfc, byte_symbols, 500, control + odd),
        "unknown": train(seq([pre_tokenizers.Digits(False), gpt2]), None, byte_symbols[40:], 400, [], unk_token="\u0121", fuse_unk=True),
        "regex": train(
            seq([split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
                 split(r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), plain]),
            normalizers.Sequence([]), byte_symbols, 500, control[:2]),
        "splits": train(
            seq([split(r"\n", "merged_with_previous"), pre_tokenizers.Split("e", "merged_with_next"), pre_tokenizers.Split(" ", "removed"), split("[a-z]+", "contiguous", True),
                 split(r"(?<=[A-Z])\d(?=\d)|[^\p{L}]{2,3}?", "isolated"), split("[xyz]", "merged_with_previous", True), split(GPT2, "contiguous"), plain]),
            None, byte_symbols, 400, []),
    }
    for name, t in families.items():
        d = json.loads(t.to_str())
        if name == "unknown":
            d["model"]["unk_token"] = next(k for k in d["model"]["vocab"])
        if name in ("gpt2", "smollm"):  # the other form of merges
            d["model"]["merges"] = [" ".join(m) for m in d["model"]["merges"]]
        t = Tokenizer.from_str(json.dumps(d))
        dump(OUT / f"{name}.golden.json.gz", golden(t, name in ("gpt2", "smollm", "llama3", "qwen2", "qwen35"), json.dumps(d, ensure_ascii=False)))


def smollm2(path):
    """The real vocabulary. A GGUF does not say how its pre-tokenizer works; this is SmolLM2's own, digits one by one."""
    from gguf import GGUFReader

    r = GGUFReader(path)
    field = lambda k: r.fields["tokenizer.ggml." + k].contents()
    tokens, kinds = field("tokens"), field("token_type")
    merges = [tuple(m.split(" ")) for m in field("merges")]
    t = Tokenizer(models.BPE({s: i for i, s in enumerate(tokens)}, merges))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(s, normalized=False, special=True) for s, k in zip(tokens, kinds) if k == 3])
    return t


def verify(path, tokenizer):
    g = json.loads(gzip.decompress(pathlib.Path(path).read_bytes()))
    t = Tokenizer.from_file(tokenizer)
    bad = 0
    for s, (plain, special) in zip(strings(COUNT), g["ids"]):
        bad += encode(t, s, False) != plain or encode(t, s, True) != (special or plain)
    print(f"{bad} of {len(g['ids'])} strings differ")
    sys.exit(bad > 0)


def main(args):
    OUT.mkdir(parents=True, exist_ok=True)
    if args[:1] == ["fixtures"]:
        dump(OUT / "strings.json.gz", strings(COUNT))
        fixtures()
    elif args[:1] == ["smollm2"]:
        dump(OUT / "real-smollm2.golden.json.gz", golden(smollm2(args[1]), False))
    elif args[:1] == ["file"]:
        dump(pathlib.Path(args[3]) / f"{args[2]}.golden.json.gz", golden(Tokenizer.from_file(args[1]), True, args[1]))
    elif args[:1] == ["verify"]:
        verify(args[1], args[2])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
