"""What is compared: the works, our command for each, and the peers' commands with the settings that were best for them."""

import dataclasses
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FETCHED = ROOT / ".deps" / "peers"
HERE = pathlib.Path(__file__).resolve().parent
THREADS = len(os.sched_getaffinity(0))  # of both sides

# Freed memory is kept and lies in huge pages. Without this every large result of oneDNN is paid for in page faults;
# it measured as good as tcmalloc and jemalloc with all their settings.
MALLOC = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184"
TORCH_ENV = {"GLIBC_TUNABLES": MALLOC, "TORCHINDUCTOR_CACHE_DIR": str(FETCHED / "inductor"), "HF_HUB_OFFLINE": "1"}


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    argv: tuple
    env: dict
    best: bool = True  # False: only measured on request
    library: bool = False  # what a user of a library has, measured beside the best

    def environment(self):
        return {**os.environ, **self.env, "OMP_NUM_THREADS": str(THREADS)}


@dataclasses.dataclass(frozen=True)
class Work:
    kind: str  # of spar bench
    workload: str
    peers: tuple
    precision: str = "bf16"  # of ours

    def file(self):
        return ROOT / "bench" / "workloads" / f"{self.workload}.json"

    def ours(self, repeats):
        spar = [str(ROOT / "bin" / "spar"), "bench", self.kind, "--json", "--precision", self.precision, "--quiet-wait", "0s"]
        return spar + ["--threads", str(THREADS), "--workload", str(self.file()), "--repeats", str(repeats)]


def python(name, script, workload, *options, best=True, library=False):
    file = ROOT / "bench" / "workloads" / f"{workload}.json"
    argv = (str(FETCHED / "venv" / "bin" / "python"), str(HERE / script), "--workload", str(file), *options)
    return Peer(name, argv, TORCH_ENV, best, library)


def llama(model, workload, *options, best=True):
    file = ROOT / "bench" / "workloads" / f"{workload}.json"
    argv = (
        str(FETCHED / "bin" / "llama_rollout"),
        str(FETCHED / f"smollm2-{model}.gguf"),
        str(FETCHED / "llama"),
        str(file),
        f"threads={THREADS}",
        *options,
    )
    return Peer(f"llama.cpp {model}", argv, {"GLIBC_TUNABLES": MALLOC}, best)


GENERATE = ("--precision", "bf16", "--cache", "static", "--compile")
COMPILED = ("--compile", "default", "--head", "fused")


PRODUCTS = ("--attention", "math")
AUTOCAST = ("--precision", "autocast")
SORTED = ("--layout", "sorted", "--micro", "2")  # little padding, few graphs


def updates(workload, *layout):
    """Updates in bf16; layout is for ragged pairs, of which neither way to lay them out is known to lose."""
    step = lambda name, *options, best=False: python(name, "torch_step.py", workload, *options, best=best)  # noqa: E731
    return (
        step("PyTorch bf16 autocast, compiled", *AUTOCAST, *COMPILED, *PRODUCTS, *layout, best=True),
        step("PyTorch bf16 weights, compiled", "--precision", "bf16", *COMPILED, *PRODUCTS, *layout),
        step("PyTorch bf16 autocast, eager, packed", *AUTOCAST, "--head", "fused", "--layout", "packed", best=bool(layout)),
    )


def fp32_updates(workload, *layout):
    return (
        python("PyTorch fp32, compiled", "torch_step.py", workload, *COMPILED, *layout),
        python("PyTorch fp32, compiled, products", "torch_step.py", workload, *COMPILED, *PRODUCTS, *layout, best=False),
        python("PyTorch fp32, eager, plain head", "torch_step.py", workload, *layout, best=False),
    )


def trl(workload, best=True):
    return (
        python("TRL DPOTrainer, tuned", "trl_dpo.py", workload, "--tuned", best=best, library=True),
        python("TRL DPOTrainer, as shipped", "trl_dpo.py", workload, best=False, library=True),
    )


def rollouts(workload, *best):
    """best are the contenders measured by default, by the first word of their names."""
    generate = lambda name, *options, best=False: python(name, "hf_generate.py", workload, *options, best=best)  # noqa: E731
    return (
        llama("F16", workload, best="llama.cpp" in best),
        llama("BF16", workload, best=False),
        generate("Transformers bf16, compiled", *GENERATE, best="Transformers" in best),
        generate("Transformers bf16, eager", "--precision", "bf16"),
        generate("Transformers fp32, eager", "--precision", "fp32"),
    )


def scores(workload):
    score = lambda name, *options, best=False: python(name, "torch_score.py", workload, *options, best=best)  # noqa: E731
    return (
        score("Transformers bf16, compiled", "--precision", "bf16", "--compile", best=True),
        score("PyTorch bf16, compiled", "--precision", "bf16", "--compile", "--model", "plain"),
        score("Transformers bf16, eager", "--precision", "bf16"),
        score("Transformers fp32, compiled", "--compile"),
    )


WORKS = {
    "w1": Work("update", "w1", updates("w1") + trl("w1")),
    "w1-fp32": Work("update", "w1", fp32_updates("w1"), precision="fp32"),
    "w2": Work("update", "w2", updates("w2")),
    "w3": Work("update", "w3", updates("w3", *SORTED) + trl("w3", best=False)),
    "score": Work("score", "score", scores("score")),
    "rollout32": Work("rollout", "rollout32", rollouts("rollout32", "Transformers")),
    "rollout8": Work("rollout", "rollout8", rollouts("rollout8", "llama.cpp", "Transformers")),
    "rollout1": Work("rollout", "rollout1", rollouts("rollout1", "llama.cpp", "Transformers")),
    "iteration-sample": Work("rollout", "iteration-rollout", rollouts("iteration-rollout", "Transformers")),
    "iteration-score": Work("score", "iteration-pairs", scores("iteration-pairs")),
    "iteration-update": Work("update", "iteration-pairs", updates("iteration-pairs") + trl("iteration-pairs")),
}

# One iteration of `make real`: 64 prompts with one sample each, the reference log-probs of 64 pairs, and two epochs of
# them, eight pairs a step.
ITERATION = {"iteration-sample": 1, "iteration-score": 8, "iteration-update": 16}
