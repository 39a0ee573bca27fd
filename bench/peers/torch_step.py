"""The SPIN update step in plain PyTorch: forward, loss against a stored reference, backward, clipping, AdamW."""

import argparse
import contextlib

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

import peer
from smollm2 import VOCAB, Body

BETA = 0.1
CHUNK = 512


def token_logps(hidden, weight, targets):
    logits = (hidden @ weight.t()).float()
    return logits.gather(-1, targets[:, None])[:, 0] - logits.logsumexp(-1)


def spin_loss(logps, reference):
    """logps and reference [2, pairs]: sums over the responses, real ones first."""
    delta = logps - reference
    return -F.logsigmoid(BETA * (delta[0] - delta[1])).sum()


class Batch:
    """One body call: ids [B, T], the places of the response rows, their targets, and which sequence each belongs to."""

    def __init__(self, sequences, packed):
        inputs = [torch.tensor(prompt + response)[:-1] for prompt, response in sequences]
        if packed:
            self.lengths = [len(i) for i in inputs]
            self.ids = torch.cat(inputs)[None]
            starts = torch.tensor([0] + self.lengths).cumsum(0).tolist()
        else:
            self.lengths = None
            self.ids = torch.nn.utils.rnn.pad_sequence(inputs, batch_first=True)
            starts = [i * self.ids.shape[1] for i in range(len(inputs))]
        self.counts = [len(response) for _, response in sequences]
        self.rows = torch.cat(
            [torch.arange(len(r)) + s + len(p) - 1 for s, (p, r) in zip(starts, sequences)]
        )
        self.targets = torch.cat([torch.tensor(r) for _, r in sequences])


def sum_logps(head, hidden, weight, batch, chunked):
    """Sums of the responses' log-probs, [sequences]; chunked recomputes the logits of each chunk in the backward pass."""
    if chunked:
        parts = zip(hidden.split(CHUNK), batch.targets.split(CHUNK))
        logps = torch.cat([checkpoint(head, h, weight, t, use_reentrant=False) for h, t in parts])
    else:
        logps = head(hidden, weight, batch.targets)
    return torch.stack([part.sum() for part in logps.split(batch.counts)])


class Step:
    def __init__(self, args):
        pairs = peer.random_pairs(peer.read_workload(args.workload), VOCAB)
        self.pairs, self.head_kind = len(pairs), args.head
        if args.layout == "sorted":
            pairs.sort(key=lambda p: len(p[0]) + max(len(p[1]), len(p[2])))
        size = args.micro or len(pairs)
        self.batches = []
        for i in range(0, len(pairs), size):
            group = pairs[i : i + size]
            sequences = [(p, c) for p, c, _ in group] + [(p, r) for p, _, r in group]
            if args.head == "fused":
                sequences = [s for p, c, r in group for s in ((p, c), (p, r))]
            self.batches.append(Batch(sequences, args.layout == "packed"))
        self.model = Body(args.attention)
        self.weight_dtype = torch.bfloat16 if args.precision != "fp32" else torch.float32
        if args.precision == "bf16":
            self.model.to(torch.bfloat16)
        compiled = args.compile != "none"
        options = {"mode": "max-autotune"} if args.compile == "max" else {}
        self.body = torch.compile(self.model, dynamic=False, **options) if compiled else self.model
        self.head = torch.compile(token_logps, dynamic=args.head == "fused" and None, **options) if compiled else token_logps
        self.autocast = args.precision == "autocast"
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=5e-7, weight_decay=0.0, fused=True)

    def precision(self):
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.autocast else contextlib.nullcontext()

    def head_inputs(self, batch):
        with self.precision():
            hidden = self.body(batch.ids, batch.lengths).flatten(0, 1)[batch.rows].to(self.weight_dtype)
        return hidden, self.model.embed.weight.to(self.weight_dtype)

    def whole(self, batch):
        """One graph for the batch."""
        hidden, weight = self.head_inputs(batch)
        logps = sum_logps(self.head, hidden, weight, batch, self.head_kind == "chunked").view(2, -1)
        (spin_loss(logps, torch.zeros_like(logps)) / self.pairs).backward()

    def fused(self, batch):
        """The head goes forward and backward pair by pair, so that no logits are kept and none are computed twice."""
        hidden, weight = self.head_inputs(batch)
        leaf, w = hidden.detach().requires_grad_(), weight.detach().requires_grad_()
        at = 0
        for a, b in zip(batch.counts[::2], batch.counts[1::2]):
            rows = slice(at, at + a + b)
            logps = self.head(leaf[rows], w, batch.targets[rows])
            logps = torch.stack((logps[:a].sum(), logps[a:].sum()))[:, None]
            (spin_loss(logps, torch.zeros_like(logps)) / self.pairs).backward()
            at += a + b
        torch.autograd.backward((hidden, weight), (leaf.grad, w.grad))

    def __call__(self):
        for batch in self.batches:
            (self.fused if self.head_kind == "fused" else self.whole)(batch)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0, foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--workload", required=True)
    p.add_argument("--precision", choices=("fp32", "autocast", "bf16"), default="fp32")
    p.add_argument("--compile", choices=("none", "default", "max"), default="none")
    p.add_argument("--head", choices=("plain", "chunked", "fused"), default="plain")
    p.add_argument("--layout", choices=("padded", "sorted", "packed"), default="padded")
    p.add_argument("--attention", choices=("flash", "math"), default="flash")
    p.add_argument("--micro", type=int, default=0, help="pairs of a micro-batch; 0: all")
    args = p.parse_args()
    tokens = peer.logical_tokens(peer.read_workload(args.workload))
    peer.serve(lambda: (Step(args), tokens), torch=torch.__version__)


if __name__ == "__main__":
    main()
