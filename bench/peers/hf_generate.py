"""Rollouts with Transformers' generate: T = 1, the whole vocabulary, no early stop."""

import argparse

import torch
import torch._inductor.config as inductor
import transformers

import peer
from hf_smollm2 import open_model


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--workload", required=True)
    p.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    p.add_argument("--cache", choices=("dynamic", "static"), default="dynamic")
    p.add_argument("--compile", action="store_true", help="compile with the weights frozen; wants a static cache")
    args = p.parse_args()
    work = peer.read_workload(args.workload)
    batch, prompt, new = work["batch"], work["prompt_len"], work["new_tokens"]

    def make():
        model = open_model(torch.bfloat16 if args.precision == "bf16" else torch.float32).eval()
        if args.compile:
            inductor.freezing = True  # weights are constants: packed once for oneDNN
            model.forward = torch.compile(model.forward, dynamic=None)
        ids = torch.randint(0, model.config.vocab_size, (batch, prompt))
        options = transformers.GenerationConfig(
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=new,
            eos_token_id=None,
            pad_token_id=2,
            cache_implementation="static" if args.cache == "static" else None,
            disable_compile=True,
        )

        @torch.inference_mode()
        def step():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=options)
            if out.shape[1] != prompt + new:
                raise RuntimeError(f"generate stopped early, at {out.shape[1]} tokens")

        return step, batch * new

    peer.serve(make, warm_steps=1, torch=torch.__version__, transformers=transformers.__version__)


if __name__ == "__main__":
    main()
