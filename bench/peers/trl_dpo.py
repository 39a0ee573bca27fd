"""The DPO step of TRL's trainer (SPIN's loss is DPO's with the human's answer as chosen), as shipped or tuned.

The trainer runs its own loop; a callback stops it between steps to take requests and to time the steps.
"""

import argparse
import os
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import tokenizers
import torch
import transformers
import trl
from datasets import Dataset

import peer
from hf_smollm2 import open_model

WARM_STEPS = 2
MANY_STEPS = 100_000


def word_tokenizer(vocab):
    """One token a word: w7 is 7. 2 ends a text, as in SmolLM2."""
    words = {f"w{i}": i for i in range(vocab) if i != 2} | {"</s>": 2}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w0"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=model, eos_token="</s>", pad_token="</s>")


def texts(pairs):
    """The trainer ends each answer with </s>, which is the answer's last token here. Words 0 to 2 are avoided."""

    def text(ids):
        return " ".join(f"w{max(i, 3)}" for i in ids)

    return [{"prompt": text(p), "chosen": " " + text(c[:-1]), "rejected": " " + text(r[:-1])} for p, c, r in pairs]


class Timer(transformers.TrainerCallback):
    def __init__(self, driver, tokens):
        self.driver, self.tokens, self.steps = driver, tokens, []
        self.asked = None

    def on_step_begin(self, args, state, control, **kwargs):
        self.begun = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        self.steps.append(time.perf_counter() - self.begun)
        if self.asked is None and len(self.steps) < WARM_STEPS:
            return
        if self.asked is None:
            self.driver.ready(self.steps[0], trl=trl.__version__, torch=torch.__version__)
            self.asked = peer.requests()
        elif sum(self.steps) < self.least:
            return
        else:
            self.driver.report(self.tokens, self.steps)
        self.steps = []
        self.least = next(self.asked, None)
        if self.least is None:
            sys.stdout.flush()
            os._exit(0)


def config(args, pairs, folder):
    tuned = {}
    if args.tuned:
        tuned = dict(
            precompute_ref_log_probs=True,
            gradient_checkpointing=False,
            torch_compile=args.compile,
            optim="adamw_torch_fused",
        )
    return trl.DPOConfig(
        output_dir=folder,
        use_cpu=True,
        per_device_train_batch_size=args.micro or pairs,
        gradient_accumulation_steps=pairs // (args.micro or pairs),
        max_steps=MANY_STEPS,
        max_length=2048,
        learning_rate=5e-7,
        beta=0.1,
        bf16=args.precision == "bf16",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_steps=MANY_STEPS,
        **tuned,
    )


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--workload", required=True)
    p.add_argument("--tuned", action="store_true", help="stored reference, no gradient checkpointing, fused AdamW")
    p.add_argument("--compile", action="store_true", help="with --tuned: torch.compile")
    p.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    p.add_argument("--micro", type=int, default=0, help="pairs of a micro-batch; 0: all")
    args = p.parse_args()
    driver = peer.Driver()
    work = peer.read_workload(args.workload)
    model = open_model(torch.float32)
    rows = texts(peer.random_pairs(work, model.config.vocab_size))
    with tempfile.TemporaryDirectory() as folder:
        trainer = trl.DPOTrainer(
            model=model,
            args=config(args, len(rows), folder),
            train_dataset=Dataset.from_list(rows),
            processing_class=word_tokenizer(model.config.vocab_size),
            callbacks=[Timer(driver, peer.logical_tokens(work))],
        )
        lengths = {len(x) for x in trainer.train_dataset["chosen_ids"]}
        if lengths != {p["chosen_len"] for p in work["pairs"]}:
            raise RuntimeError(f"the trainer made answers of {lengths} tokens")
        trainer.train()


if __name__ == "__main__":
    main()
