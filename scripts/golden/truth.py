"""A decoder-only transformer of the Llama kind in float64 throughout.

Every step (norms, rotary tables, softmax, log-softmax) is computed in float64, which a model of the
transformers library moved to double does not do: it keeps fp32 in its norms, tables and softmax. The
golden writers of this folder take their numbers from here, and check this file against transformers.
"""

import math

import torch

F64 = torch.float64


def inv_freq(cfg, length):
    """Rotary frequencies and the factor on cos and sin, for each rope type (transformers' rules)."""
    rope = cfg["rope"]
    d, theta = cfg["head_dim"], rope["theta"]
    kind = rope.get("type", "default")
    factor = rope.get("factor", 1.0)
    trained = rope.get("original_max_positions") or cfg["max_positions"]
    if kind == "dynamic" and length > cfg["max_positions"]:
        growth = factor * length / cfg["max_positions"] - (factor - 1)
        theta = theta * growth ** (d / (d - 2))
    base = theta ** -(torch.arange(0, d, 2, dtype=F64) / d)
    if kind == "linear":
        return base / factor, 1.0
    if kind == "llama3":
        low, high = trained / rope["low_freq_factor"], trained / rope["high_freq_factor"]
        wave = 2 * math.pi / base
        smooth = (trained / wave - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"])
        mixed = (1 - smooth) * base / factor + smooth * base
        return torch.where(wave > low, base / factor, torch.where(wave < high, base, mixed)), 1.0
    if kind == "yarn":

        def dim_of(turns):
            return d * math.log(trained / (turns * 2 * math.pi)) / (2 * math.log(theta))

        low = max(math.floor(dim_of(rope.get("beta_fast", 32.0))), 0)
        high = min(math.ceil(dim_of(rope.get("beta_slow", 1.0))), d - 1)
        ramp = ((torch.arange(d // 2, dtype=F64) - low) / max(high - low, 0.001)).clamp(0, 1)
        scale = 0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0
        return base / factor * ramp + base * (1 - ramp), scale
    return base, 1.0


def rms(x, w, eps):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * w


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin


def hidden(cfg, w, ids, length=None):
    """Final normed hidden states [T, C] of one sequence of ids."""
    t = len(ids)
    heads, kv, d, eps = cfg["heads"], cfg["kv_heads"], cfg["head_dim"], cfg["eps"]
    freq, scale = inv_freq(cfg, length or t)
    angle = torch.arange(t, dtype=F64)[:, None] * freq[None]
    angle = torch.cat((angle, angle), -1)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    position = torch.arange(t)
    x = w["model.embed_tokens.weight"][torch.tensor(ids)]
    for n in range(cfg["layers"]):
        p = f"model.layers.{n}."
        gap = position[:, None] - position[None]
        seen = gap >= 0
        if cfg["window"] and n >= cfg.get("window_first_layer", 0):
            seen = seen & (gap < cfg["window"])
        a = rms(x, w[p + "input_layernorm.weight"], eps)

        def project(name, count):
            y = a @ w[p + f"self_attn.{name}_proj.weight"].T
            if p + f"self_attn.{name}_proj.bias" in w:
                y = y + w[p + f"self_attn.{name}_proj.bias"]
            return y.view(t, count, d).transpose(0, 1)

        q, k, v = project("q", heads), project("k", kv), project("v", kv)
        if p + "self_attn.q_norm.weight" in w:
            q, k = rms(q, w[p + "self_attn.q_norm.weight"], eps), rms(k, w[p + "self_attn.k_norm.weight"], eps)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = k.repeat_interleave(heads // kv, 0), v.repeat_interleave(heads // kv, 0)
        s = (q @ k.transpose(1, 2)) / math.sqrt(d)
        s = s.masked_fill(~seen, -math.inf).softmax(-1)
        x = x + (s @ v).transpose(0, 1).reshape(t, heads * d) @ w[p + "self_attn.o_proj.weight"].T
        a = rms(x, w[p + "post_attention_layernorm.weight"], eps)
        gate = a @ w[p + "mlp.gate_proj.weight"].T
        up = a @ w[p + "mlp.up_proj.weight"].T
        x = x + (torch.nn.functional.silu(gate) * up) @ w[p + "mlp.down_proj.weight"].T
    return rms(x, w["model.norm.weight"], eps)


def response_logp(cfg, w, prompt, response, length=None):
    """Log-probs and entropies [len(response)] of the response after the prompt, in nats."""
    h = hidden(cfg, w, prompt + response[:-1], length)[len(prompt) - 1 :]
    head = w.get("lm_head.weight", w["model.embed_tokens.weight"])
    logp = (h @ head.T).log_softmax(-1)
    picked = logp.gather(1, torch.tensor(response)[:, None])[:, 0]
    return picked, -(logp.exp() * logp).sum(-1)
