"""SmolLM2-135M as Transformers builds it, with random weights."""

import torch
import transformers


def config():
    return transformers.LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        head_dim=64,
        max_position_embeddings=8192,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
    )


def open_model(dtype):
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM._from_config(config(), dtype=dtype, attn_implementation="sdpa")
