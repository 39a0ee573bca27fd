"""Writes golden rotary frequencies with transformers' own functions.

Use: python scripts/golden/rope.py OUT

OUT is loader/checkpoint/testdata/rope.json. Needs transformers (version in the file) and torch. The
functions of transformers compute in float32; here torch.float and torch.float32 are made float64
while they run, so that the numbers are good to about 1e-15. The float32 numbers, which a model in
transformers uses, are kept beside them.
"""

import json
import sys

import torch
import transformers
from transformers import modeling_rope_utils as rope

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
BASE = {"vocab_size": 64, "hidden_size": 512, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 8, "num_key_value_heads": 2}
CASES = [
    ("default", {}, 10000.0, 2048, 64, 2048),
    ("default, head 128", {}, 1000000.0, 32768, 128, 100),
    ("linear", {"rope_type": "linear", "factor": 4.0}, 10000.0, 4096, 64, 4096),
    ("dynamic, short", {"rope_type": "dynamic", "factor": 2.0}, 10000.0, 2048, 64, 512),
    ("dynamic, long", {"rope_type": "dynamic", "factor": 2.0}, 10000.0, 2048, 64, 5000),
    ("yarn", YARN, 1000000.0, 131072, 128, 131072),
    ("yarn, ramp without rounding", {**YARN, "truncate": False}, 10000.0, 131072, 96, 131072),
    ("yarn, given scale and betas", {**YARN, "attention_factor": 1.25, "beta_fast": 24.0, "beta_slow": 2.0}, 10000.0, 131072, 64, 131072),
    ("yarn, mscale", {**YARN, "factor": 40.0, "mscale": 0.707, "mscale_all_dim": 1.3}, 10000.0, 131072, 64, 131072),
    ("yarn, no original length", {"rope_type": "yarn", "factor": 4.0}, 10000.0, 4096, 64, 4096),
    ("llama3", LLAMA3, 500000.0, 131072, 128, 131072),
    ("llama3, factor 32", {**LLAMA3, "factor": 32.0}, 500000.0, 131072, 64, 131072),
]


def frequencies(config, kind, length):
    if kind == "default":
        rotary = transformers.models.llama.modeling_llama.LlamaRotaryEmbedding
        return rotary.compute_default_rope_parameters(config)
    return rope.ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"), seq_len=length)


def in_float64(run):
    saved = torch.float, torch.float32
    torch.float = torch.float32 = torch.float64
    try:
        return run()
    finally:
        torch.float, torch.float32 = saved


def main(out):
    cases = []
    for name, scaling, theta, positions, head_dim, length in CASES:
        settings = {**BASE, "max_position_embeddings": positions, "head_dim": head_dim, "rope_theta": theta}
        config = transformers.LlamaConfig(**settings, rope_scaling=dict(scaling) or None)
        kind = config.rope_parameters["rope_type"]
        single, _ = frequencies(config, kind, length)
        double, scale = in_float64(lambda: frequencies(config, kind, length))
        assert single.dtype == torch.float32 and double.dtype == torch.float64, (name, single.dtype, double.dtype)
        file = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **settings, "rope_scaling": scaling or None}
        cases.append({"name": name, "config": file, "length": length, "scale": scale, "inv_freq": double.tolist(), "float32": single.tolist()})
    with open(out, "w") as f:
        json.dump({"writer": "scripts/golden/rope.py", "transformers": transformers.__version__, "torch": torch.__version__, "cases": cases}, f)
        f.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
