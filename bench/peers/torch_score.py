"""Scoring: the log-prob of every response token of padded sequences, with Transformers' model or the plain one."""

import argparse
import contextlib

import torch
import torch._inductor.config as inductor

import peer
import smollm2
from hf_smollm2 import open_model
from torch_step import Batch, token_logps


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--workload", required=True)
    p.add_argument("--model", choices=("transformers", "plain"), default="transformers")
    p.add_argument("--precision", choices=("fp32", "autocast", "bf16"), default="fp32")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--freeze", action="store_true", help="with --compile: weights are constants, packed once for oneDNN")
    p.add_argument("--chunk", type=int, default=512, help="rows of the head at a time")
    args = p.parse_args()
    work = peer.read_workload(args.workload)
    dtype = torch.bfloat16 if args.precision == "bf16" else torch.float32
    half = torch.float32 if args.precision == "fp32" else torch.bfloat16

    def make():
        if args.model == "transformers":
            model = open_model(dtype).eval()
            body = lambda ids: model.model(input_ids=ids, use_cache=False).last_hidden_state  # noqa: E731
            weight = model.lm_head.weight
        else:
            model = smollm2.Body().to(dtype).eval()
            body, weight = model, model.embed.weight
        weight = weight.detach().to(half)
        head = token_logps
        if args.compile:
            inductor.freezing = args.freeze
            body, head = torch.compile(body, dynamic=False), torch.compile(head)
        pairs = peer.random_pairs(work, smollm2.VOCAB)
        batch = Batch([s for q, c, r in pairs for s in ((q, c), (q, r))], packed=False)
        cast = torch.autocast("cpu", dtype=torch.bfloat16) if args.precision == "autocast" else contextlib.nullcontext()

        @torch.inference_mode()
        def step():
            with cast:
                hidden = body(batch.ids).flatten(0, 1)[batch.rows].to(half)
            parts = zip(hidden.split(args.chunk), batch.targets.split(args.chunk))
            logps = torch.cat([head(h, weight, t) for h, t in parts])
            if not torch.isfinite(logps.sum()):
                raise RuntimeError("a log-prob is not finite")

        return step, peer.logical_tokens(work)

    peer.serve(make, torch=torch.__version__)


if __name__ == "__main__":
    main()
