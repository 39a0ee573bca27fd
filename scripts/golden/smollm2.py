"""Writes trainer/policy/testdata/smollm2.json: float64 log-probs of SmolLM2-135M-Instruct (Q4_1 GGUF).

Run from the repository root after scripts/fetch model and scripts/fetch golden:

    python scripts/golden/smollm2.py .deps/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
"""

import hashlib
import json
import pathlib
import sys

import gguf
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import truth

TEXTS = [
    "The bridge over the river was closed for repairs, so we walked along the bank until we found a place where "
    "the water was shallow enough to cross. On the other side a farmer was mending a fence and waved to us.",
    "To boil an egg, bring a pot of water to a gentle boil, lower the egg in with a spoon and wait seven minutes. "
    "Cool it under running water before you peel it, or the shell will stick.",
    "func Reverse(s []int) {\n\tfor i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {\n\t\ts[i], s[j] = s[j], s[i]\n\t}\n}\n",
    "In 1969 two people walked on the Moon for the first time. They collected 21.5 kilograms of rock, planted "
    "instruments that are still used today, and came home eight days after they had left.",
    "Dear Ms Ortega,\n\nThank you for your letter of 14 March. The part you ordered has arrived and can be picked up "
    "at our shop any day between nine and five. Please bring the receipt.\n\nKind regards,\nTom",
    "Photosynthesis is the process by which plants turn light, water and carbon dioxide into sugar and oxygen. "
    "It takes place in the chloroplasts, which hold a green pigment called chlorophyll.",
    "Q: What is 17 + 26?\nA: 17 + 26 = 43.\nQ: What is 9 times 8?\nA: 9 times 8 is 72.\nQ: What is half of 250?\nA: Half of 250 is 125.",
    "<|im_start|>user\nName three rivers in Europe.<|im_end|>\n<|im_start|>assistant\nThree rivers in Europe are the "
    "Danube, the Rhine and the Volga. The Volga is the longest of them.<|im_end|>",
]


def tokenizer(reader):
    def strings(key):
        f = reader.fields[key]
        return [bytes(f.parts[i]).decode("utf-8") for i in f.data]

    tokens = strings("tokenizer.ggml.tokens")
    merges = [tuple(m.split(" ")) for m in strings("tokenizer.ggml.merges")]
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(tokens)}, merges=merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    t.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([s for s in tokens[:17]])
    return t


def weights(reader, heads, kv_heads):
    """Hugging Face names; GGUF interleaves the rotary pairs of q and k rows, undone here."""
    names = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    parts = {
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    w = {}
    for t in reader.tensors:
        x = torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).copy()).float()
        name = names.get(t.name)
        if name is None:
            _, layer, part, _ = t.name.split(".")
            name = f"model.layers.{layer}.{parts[part]}.weight"
            if part in ("attn_q", "attn_k"):
                n = heads if part == "attn_q" else kv_heads
                x = x.view(n, x.shape[0] // n // 2, 2, -1).transpose(1, 2).reshape(x.shape)
        w[name] = x.double()
    return w


def main(path):
    torch.set_grad_enabled(False)
    reader = gguf.GGUFReader(path)
    cfg = dict(layers=30, heads=9, kv_heads=3, head_dim=64, eps=1e-5, max_positions=8192, window=0)
    cfg["eps"] = float(reader.fields["llama.attention.layer_norm_rms_epsilon"].contents())
    cfg["rope"] = dict(type="default", theta=100000.0)
    w, t = weights(reader, 9, 3), tokenizer(reader)
    rows = []
    for text in TEXTS:
        ids = t.encode(text, add_special_tokens=False).ids
        cut = 4
        logp, entropy = truth.response_logp(cfg, w, ids[:cut], ids[cut:])
        rows.append(dict(text=text, prompt=ids[:cut], response=ids[cut:], logp=logp.tolist(), entropy=entropy.tolist()))
        print(len(ids), "tokens, mean log-prob", logp.mean().item())
    digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    out = dict(generator="scripts/golden/smollm2.py", model_sha256=digest, torch=torch.__version__, rows=rows)
    pathlib.Path("trainer/policy/testdata/smollm2.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
