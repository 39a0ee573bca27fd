"""SmolLM2-135M in plain PyTorch, written as one would for speed: one product for q, k and v, one for gate and up."""

import torch
import torch.nn.functional as F
from torch import nn

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, FFN, VOCAB = 576, 30, 9, 3, 64, 1536, 49152
THETA = 100000.0
MAX_LENGTH = 2048


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class Block(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.kernel = ATTENTION[attention]
        self.qkv = nn.Linear(HIDDEN, (HEADS + 2 * KV_HEADS) * HEAD_DIM, bias=False)
        self.out = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.gate_up = nn.Linear(HIDDEN, 2 * FFN, bias=False)
        self.down = nn.Linear(FFN, HIDDEN, bias=False)
        self.norm1 = nn.RMSNorm(HIDDEN, eps=1e-5)
        self.norm2 = nn.RMSNorm(HIDDEN, eps=1e-5)

    def forward(self, x, cos, sin, lengths):
        q, k, v = (
            self.qkv(self.norm1(x))
            .unflatten(-1, (-1, HEAD_DIM))
            .transpose(1, 2)
            .split((HEADS, KV_HEADS, KV_HEADS), 1)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        x = x + self.out(attend(self.kernel, q, k, v, lengths).transpose(1, 2).flatten(2))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


def math_attention(q, k, v):
    """The same as two batched products and a softmax, for the compiler to fuse; query heads stacked on their key head."""
    b, _, t, d = q.shape
    scores = q.reshape(b, KV_HEADS, -1, t, d) @ k[:, :, None].transpose(-1, -2)
    hidden = torch.ones(t, t, dtype=torch.bool, device=q.device).triu(1)
    weights = (scores.float() * d**-0.5).masked_fill(hidden, float("-inf")).softmax(-1).to(v.dtype)
    return (weights @ v[:, :, None]).reshape(b, HEADS, t, d)


def flash_attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


ATTENTION = {"flash": flash_attention, "math": math_attention}


def attend(kernel, q, k, v, lengths):
    """Causal attention; lengths splits one packed row into its sequences, None means one sequence a row.

    Rows shorter than the batch are padded on the right, which no real token looks at, so no mask is needed.
    """
    if lengths is None:
        return kernel(q, k, v)
    parts = zip(q.split(lengths, 2), k.split(lengths, 2), v.split(lengths, 2))
    return torch.cat([kernel(*p) for p in parts], 2)


class Body(nn.Module):
    """Everything below the head: ids [B, T] to hidden states [B, T, HIDDEN]."""

    def __init__(self, attention="flash"):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, HIDDEN)
        self.blocks = nn.ModuleList(Block(attention) for _ in range(LAYERS))
        self.norm = nn.RMSNorm(HIDDEN, eps=1e-5)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)
        inv = THETA ** -(torch.arange(0, HEAD_DIM, 2, dtype=torch.float64) / HEAD_DIM)
        angle = (torch.arange(MAX_LENGTH, dtype=torch.float64)[:, None] * inv).repeat(1, 2)
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)

    def forward(self, ids, lengths=None):
        x = self.embed(ids)
        if lengths is None:
            cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        else:
            cos = torch.cat([self.cos[:n] for n in lengths])
            sin = torch.cat([self.sin[:n] for n in lengths])
        half = torch.bfloat16 if torch.is_autocast_enabled("cpu") else x.dtype
        cos, sin = cos.to(half), sin.to(half)
        for block in self.blocks:
            x = block(x, cos, sin, lengths)
        return self.norm(x)
