"""Writes trainer/policy/testdata/golden: one tiny random model per family with its float64 truth.

Run from the repository root, with torch and transformers as pinned by scripts/fetch golden:

    python scripts/golden/families.py

Each folder holds the model as transformers saves it and golden.json: groups, log-probs, entropies,
gradients of sum_r coef_r logp_r, and log-probs after one AdamW and after three RMSProp steps.
"""

import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import load_file

import truth

ROOT = pathlib.Path("trainer/policy/testdata/golden")
ROPE = "rope_parameters"

BASE = dict(
    vocab_size=131,
    hidden_size=32,
    intermediate_size=44,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
    tie_word_embeddings=False,
)


def rope(kind="default", theta=10000.0, **more):
    return {ROPE: dict(rope_type=kind, rope_theta=theta, **more)}


FAMILIES = {
    "llama": ("Llama", rope()),
    "llama3": (
        "Llama",
        rope(
            "llama3",
            500000.0,
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=16,
        ),
    ),
    "linear": ("Llama", rope("linear", factor=4.0)),
    "dynamic": ("Llama", dict(max_position_embeddings=16, **rope("dynamic", factor=2.0))),
    "yarn": ("Llama", rope("yarn", factor=4.0, original_max_position_embeddings=16)),
    "smollm2": (
        "Llama",
        dict(
            num_attention_heads=9,
            num_key_value_heads=3,
            hidden_size=36,
            tie_word_embeddings=True,
            **rope(theta=100000.0),
        ),
    ),
    "mistral": ("Mistral", dict(sliding_window=7, head_dim=10, **rope())),
    "qwen2": ("Qwen2", dict(vocab_size=137, rms_norm_eps=1e-6, **rope(theta=1e6))),
    "qwen3": (
        "Qwen3",
        dict(head_dim=12, num_key_value_heads=1, tie_word_embeddings=True, rms_norm_eps=1e-6, **rope(theta=1e6)),
    ),
}


def build(family, extra):
    config = getattr(transformers, family + "Config")(**{**BASE, **extra})
    model = getattr(transformers, family + "ForCausalLM")(config)
    for name, p in model.named_parameters():
        if "norm" in name:
            p.data = 1 + 0.3 * torch.randn_like(p)
        else:
            p.data = torch.randn_like(p) * (0.5 if "bias" in name else 1.5 / p.shape[-1] ** 0.5)
    return config, model


def describe(config):
    r = getattr(config, ROPE)
    names = dict(
        factor="factor",
        low_freq_factor="low_freq_factor",
        high_freq_factor="high_freq_factor",
        original_max_position_embeddings="original_max_positions",
    )
    return dict(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        eps=config.rms_norm_eps,
        max_positions=config.max_position_embeddings,
        window=(getattr(config, "sliding_window", None) or 0) if config.model_type == "mistral" else 0,
        rope=dict(type=r["rope_type"], theta=r["rope_theta"], **{v: r[k] for k, v in names.items() if k in r}),
    )


def sample_groups(vocab):
    """Groups of 1 to 3 responses; one prompt of a single id, one response of a single id."""
    g = torch.Generator().manual_seed(7)

    def draw(n):
        return torch.randint(0, vocab, (n,), generator=g).tolist()

    return [
        dict(prompt=draw(9), responses=[draw(11), draw(6)]),
        dict(prompt=draw(1), responses=[draw(5)]),
        dict(prompt=draw(14), responses=[draw(1), draw(8), draw(10)]),
    ]


def score(cfg, w, groups, length):
    return [[truth.response_logp(cfg, w, g["prompt"], r, length) for r in g["responses"]] for g in groups]


def loss(cfg, w, groups, coefs, length):
    rows = score(cfg, w, groups, length)
    return sum(c * lp.sum() for row, cs in zip(rows, coefs) for (lp, _), c in zip(row, cs))


def sums(cfg, w, groups, length):
    with torch.no_grad():
        return [[lp.sum().item() for lp, _ in row] for row in score(cfg, w, groups, length)]


def after(cfg, weights, groups, coefs, length, make, steps):
    w = {k: v.detach().clone().requires_grad_() for k, v in weights.items()}
    optimizer = make(w)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(cfg, w, groups, coefs, length).backward()
        optimizer.step()
    return sums(cfg, w, groups, length)


def check_against_transformers(model, cfg, w, groups, length):
    for g in groups:
        for r in g["responses"]:
            ids = torch.tensor([g["prompt"] + r])
            if cfg["rope"]["type"] == "dynamic" and ids.shape[1] != length:
                continue
            with torch.no_grad():
                theirs = model.eval()(ids).logits[0].double().log_softmax(-1)
            theirs = theirs[len(g["prompt"]) - 1 : -1].gather(1, torch.tensor(r)[:, None])[:, 0]
            gap = (theirs - truth.response_logp(cfg, w, g["prompt"], r, length)[0]).abs().max().item()
            assert gap < 1e-4, gap


def write(name, family, extra):
    torch.manual_seed(sum(map(ord, name)))
    config, model = build(family, extra)
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    w = {k: v.double().requires_grad_() for k, v in load_file(folder / "model.safetensors").items()}
    cfg = describe(config)
    groups = sample_groups(config.vocab_size)
    length = 24  # the longest sequence, and the max_length that dynamic rope is computed for
    coefs = [[round(0.7 - 0.3 * (i + 2 * j), 3) for j in range(len(g["responses"]))] for i, g in enumerate(groups)]
    check_against_transformers(model, cfg, w, groups, length)
    rows = score(cfg, w, groups, length)
    loss(cfg, w, groups, coefs, length).backward()
    decay = [p for p in w.values() if p.ndim == 2]
    assert decay
    golden = dict(
        generator="scripts/golden/families.py",
        versions=dict(torch=torch.__version__, transformers=transformers.__version__),
        max_length=length,
        groups=groups,
        coefs=coefs,
        logp=[[lp.tolist() for lp, _ in row] for row in rows],
        entropy=[[h.tolist() for _, h in row] for row in rows],
        grads={
            k: dict(norm=p.grad.norm().item(), first=p.grad.flatten()[:8].tolist(), sum=p.grad.sum().item())
            for k, p in w.items()
        },
        adamw=dict(
            lr=1e-3,
            steps=1,
            weight_decay=0.1,
            logp=after(
                cfg,
                w,
                groups,
                coefs,
                length,
                lambda v: torch.optim.AdamW(
                    [
                        dict(params=[p for p in v.values() if p.ndim == 2], weight_decay=0.1),
                        dict(params=[p for p in v.values() if p.ndim < 2], weight_decay=0.0),
                    ],
                    lr=1e-3,
                    betas=(0.9, 0.999),
                    eps=1e-8,
                ),
                1,
            ),
        ),
        rmsprop=dict(
            lr=1e-4,
            steps=3,
            alpha=0.99,
            logp=after(
                cfg,
                w,
                groups,
                coefs,
                length,
                lambda v: torch.optim.RMSprop(v.values(), lr=1e-4, alpha=0.99, eps=1e-8),
                3,
            ),
        ),
    )
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    print(name, sum(p.numel() for p in w.values()), "parameters")


if __name__ == "__main__":
    for name, (family, extra) in FAMILIES.items():
        write(name, family, extra)
