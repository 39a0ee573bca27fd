"""The matrix products of a training step in PyTorch (MKL in fp32, oneDNN in bf16), as a yardstick beside `spar bench ops`.

    .deps/peers/venv/bin/python bench/peers/products.py > products.jsonl

One JSON object a line: the rate in GFLOP/s of y = x W^T (forward), dx = dy W (input) and dW = dy^T x (weight), x [rows, k], W [n, k].
Operands and results are of the row's precision. Weights, and dW, pass in turn through more memory than caches hold, as in a step.
"""

import json
import os
import statistics
import sys
import time

from contenders import TORCH_ENV

if not TORCH_ENV.items() <= os.environ.items():  # the allocator reads its settings when a process starts
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | TORCH_ENV)

import torch

ROWS = (256, 1792)
SHAPES = ((576, 576), (576, 3072), (1536, 576), (896, 9728), (2048, 8192))  # k, n of SmolLM2, Qwen2.5-0.5B, Llama-3.2-1B
WEIGHTS = 60_000_000  # values of all weights of a shape together
REPEATS = 5


def calls(kind, rows, k, n, dtype):
    """One call for each of the weights."""
    count = max(1, WEIGHTS // (k * n))
    weights = [torch.randn(n, k).to(dtype) for _ in range(count)]
    x, dy = torch.randn(rows, k).to(dtype), torch.randn(rows, n).to(dtype)
    if kind == "forward":
        return [lambda w=w: torch.nn.functional.linear(x, w) for w in weights]
    if kind == "input":
        return [lambda w=w: torch.mm(dy, w) for w in weights]
    return [lambda w=w: torch.mm(dy.t(), x, out=w) for w in weights]


def seconds(work):
    started = time.perf_counter()
    for call in work:
        call()
    return (time.perf_counter() - started) / len(work)


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.set_grad_enabled(False)
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        for rows in ROWS:
            for k, n in SHAPES:
                for kind in ("forward", "input", "weight"):
                    work = calls(kind, rows, k, n, dtype)
                    seconds(work)  # warms up
                    rates = [2 * rows * k * n / seconds(work) / 1e9 for _ in range(REPEATS)]
                    row = {"benchmark": "products", "peer": f"PyTorch {torch.__version__}", "precision": precision, "rows": rows,
                           "k": k, "n": n, "product": kind, "rate": statistics.median(rates), "rate_min": min(rates),
                           "rate_max": max(rates), "threads": torch.get_num_threads()}
                    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
