"""Writes cmd/spar/testdata/script/step.txtar: two AdamW steps of DPO on a golden model, in float64.

    python scripts/golden/step.py
"""

import json
import pathlib

import torch
from safetensors.torch import load_file

import truth
from families import ROOT

BETA, LR, CLIP = 0.5, 1e-3, 1.0
ROWS = [
    dict(prompt_ids=[3, 9, 27], chosen_ids=[81, 7, 2], rejected_ids=[14, 5]),
    dict(prompt_ids=[100], chosen_ids=[1, 2], rejected_ids=[50, 60, 70, 2], ref_chosen_logps=-9.5, ref_rejected_logps=-20.25),
]
CONFIG = """model: {model}
algorithm: dpo
beta: 0.5
loss_type: sigmoid
data: {{train: {data}}}
shuffle: false
max_length: 16
per_device_train_batch_size: 1
gradient_accumulation_steps: {accumulation}
optim: adamw
learning_rate: 0.001
lr_scheduler_type: constant
warmup_ratio: 0
max_grad_norm: 1.0
num_train_epochs: 2
precision: fp32
"""


def sums(cfg, w, rows):
    return [truth.response_logp(cfg, w, r["prompt_ids"], r[k])[0].sum() for r in rows for k in ("chosen_ids", "rejected_ids")]


def steps(cfg, weights, rows, reference, count):
    w = {k: v.clone().requires_grad_() for k, v in weights.items()}
    optimizer = torch.optim.AdamW(w.values(), lr=LR, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    out = []
    for _ in range(count):
        optimizer.zero_grad()
        lp = sums(cfg, w, rows)
        losses = []
        for i in range(len(rows)):
            h = (lp[2 * i] - reference[2 * i]) - (lp[2 * i + 1] - reference[2 * i + 1])
            losses.append(torch.nn.functional.softplus(-BETA * h))
        loss = sum(losses) / len(rows)
        coef = torch.autograd.grad(loss, lp, retain_graph=True)
        loss.backward()
        grads = {k: p.grad.clone() for k, p in w.items()}
        norm = torch.nn.utils.clip_grad_norm_(w.values(), CLIP).item()
        optimizer.step()
        with torch.no_grad():
            after = [x.item() for x in sums(cfg, w, rows)]
        out.append(
            dict(loss=loss.item(), coef=[c.item() for c in coef], logp=[x.item() for x in lp], norm=norm, grads=grads, after=after)
        )
    return out


def check(n, s, names):
    lines = [f"json out {n} step = {n}", f"json out {n} loss ~ {s['loss']} 1e-5", f"json out {n} grad_norm ~ {s['norm']} {1e-4 * s['norm']}"]
    for i, c in enumerate(s["coef"]):
        lines.append(f"json out {n} coef.{i} ~ {c} 1e-6")
        lines.append(f"json out {n} logp.{i} ~ {s['logp'][i]} 1e-4")
        lines.append(f"json out {n} logp_after.{i} ~ {s['after'][i]} 5e-4")
    for i, name in names:
        g = s["grads"][name]
        lines.append(f"json out {n} tensors.{i}.name = {name}")
        lines.append(f"json out {n} tensors.{i}.norm ~ {g.norm().item()} {1e-3 * g.norm().item()}")
        lines.append(f"json out {n} tensors.{i}.first.1 ~ {g.flatten()[1].item()} {1e-3 * abs(g.flatten()[1].item()) + 1e-6}")
    return lines


def main():
    golden = json.loads((ROOT / "llama" / "golden.json").read_text())
    w = {k: v.double() for k, v in load_file(ROOT / "llama" / "model.safetensors").items()}
    cfg = dict(layers=2, heads=4, kv_heads=2, head_dim=8, eps=1e-5, max_positions=64, window=0, rope=dict(type="default", theta=1e4))
    assert golden["max_length"]
    with torch.no_grad():
        own = [x.item() for x in sums(cfg, w, ROWS)]
    scored = [{k: v for k, v in r.items() if not k.startswith("ref_")} for r in ROWS]
    given = [dict(r, ref_chosen_logps=-9.5 - i, ref_rejected_logps=-20.25) for i, r in enumerate(scored)]
    a = steps(cfg, w, scored, own, 2)
    b = steps(cfg, w, given, [-9.5, -20.25, -10.5, -20.25], 1)
    names = [(0, "model.embed_tokens.weight")]
    text = ["# step: two optimizer steps on preference rows, the reference scored by the model itself", "spar step scored.yaml --json --steps 2", "cp stdout out"]
    text += check(1, a[0], names) + check(2, a[1], names)
    text += ["", "# the first loss with the policy as its own reference is exactly ln 2", "json out 1 loss = 0.6931471805599453"]
    text += ["", "# TRL's columns give the reference instead", "spar step given.yaml --json", "cp stdout out"] + check(1, b[0], names)
    text += ["", "code 3 step typo.yaml --json", "grep 'typo.yaml:3:.*learning_rate' stderr.txt", "code 3 step short.yaml --json", "grep 'short.jsonl:1:' stderr.txt"]
    model = "$GOLDEN/llama"
    files = {
        "scored.yaml": CONFIG.format(model="golden", data="scored.jsonl", accumulation=2),
        "given.yaml": CONFIG.format(model="golden", data="given.jsonl", accumulation=2),
        "typo.yaml": "model: golden\nalgorithm: dpo\nlearnig_rate: 1.0e-3\ndata: {train: scored.jsonl}\n",
        "short.yaml": CONFIG.format(model="golden", data="short.jsonl", accumulation=2),
        "scored.jsonl": "".join(json.dumps(r) + "\n" for r in scored),
        "given.jsonl": "".join(json.dumps(r) + "\n" for r in given),
        "short.jsonl": json.dumps(dict(prompt_ids=[1], chosen_ids=[2])) + "\n",
    }
    text[0:0] = [f"symlink golden -> {model}"]
    body = "\n".join(text) + "\n\n" + "".join(f"-- {name} --\n{content}" for name, content in files.items())
    pathlib.Path("cmd/spar/testdata/script/step.txtar").write_text(body)


if __name__ == "__main__":
    main()
