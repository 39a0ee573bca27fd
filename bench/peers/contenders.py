"""What is compared: the works, our command for each, and the peers' commands with the settings that were best for them."""

import dataclasses
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FETCHED = ROOT / ".deps" / "peers"
HERE = pathlib.Path(__file__).resolve().parent

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

    def environment(self):
        return {**os.environ, **self.env, "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0)))}


@dataclasses.dataclass(frozen=True)
class Work:
    kind: str  # of spar bench
    workload: str
    peers: tuple

    def file(self):
        return ROOT / "bench" / "workloads" / f"{self.workload}.json"

    def ours(self, repeats):
        spar = [str(ROOT / "bin" / "spar"), "bench", self.kind, "--json", "--precision", "bf16", "--quiet-wait", "0s"]
        return spar + ["--workload", str(self.file()), "--repeats", str(repeats)]


def python(name, script, workload, *options, best=True):
    file = ROOT / "bench" / "workloads" / f"{workload}.json"
    argv = (str(FETCHED / "venv" / "bin" / "python"), str(HERE / script), "--workload", str(file), *options)
    return Peer(name, argv, TORCH_ENV, best)


def llama(model, workload, *options, best=True):
    file = ROOT / "bench" / "workloads" / f"{workload}.json"
    argv = (
        str(FETCHED / "bin" / "llama_rollout"),
        str(FETCHED / f"smollm2-{model}.gguf"),
        str(FETCHED / "llama"),
        str(file),
        *options,
    )
    return Peer(f"llama.cpp {model}", argv, {"GLIBC_TUNABLES": MALLOC}, best)


GENERATE = ("--precision", "bf16", "--cache", "static", "--compile")
COMPILED = ("--compile", "default", "--head", "fused")


def updates(workload, ragged=False, trl=True):
    """The layout that pads least without more graphs than a user would compile."""
    layout = ("--layout", "sorted", "--micro", "2") if ragged else ()
    autocast = ("--precision", "autocast")
    peers = [
        python("PyTorch bf16 autocast, compiled", "torch_step.py", workload, *autocast, *COMPILED, "--attention", "math", *layout),
        python("PyTorch bf16 weights, compiled", "torch_step.py", workload, "--precision", "bf16", *COMPILED, "--attention", "math", *layout, best=False),
        python("PyTorch fp32, compiled", "torch_step.py", workload, *COMPILED, *layout, best=not ragged),
        python("PyTorch bf16 autocast, eager", "torch_step.py", workload, *autocast, "--head", "fused", "--layout", "packed", best=ragged),
        python("PyTorch fp32, eager, plain head", "torch_step.py", workload, best=False),
    ]
    if trl:
        peers += [
            python("TRL DPOTrainer, tuned", "trl_dpo.py", workload, "--tuned"),
            python("TRL DPOTrainer, as shipped", "trl_dpo.py", workload, best=False),
        ]
    return tuple(peers)


def rollouts(workload):
    return (
        llama("F16", workload),
        llama("BF16", workload, best=False),
        python("Transformers bf16, compiled", "hf_generate.py", workload, *GENERATE),
        python("Transformers bf16, eager", "hf_generate.py", workload, "--precision", "bf16", best=False),
        python("Transformers fp32, eager", "hf_generate.py", workload, "--precision", "fp32", best=False),
    )


def scores(workload):
    return (
        python("Transformers bf16, compiled", "torch_score.py", workload, "--precision", "bf16", "--compile"),
        python("PyTorch bf16, compiled", "torch_score.py", workload, "--precision", "bf16", "--compile", "--model", "plain", best=False),
        python("Transformers bf16, eager", "torch_score.py", workload, "--precision", "bf16", best=False),
        python("Transformers fp32, compiled", "torch_score.py", workload, "--compile", best=False),
    )


WORKS = {
    "w1": Work("update", "w1", updates("w1")),
    "w2": Work("update", "w2", updates("w2", trl=False)),
    "w3": Work("update", "w3", updates("w3", ragged=True)),
    "score": Work("score", "score", scores("score")),
    "rollout32": Work("rollout", "rollout32", rollouts("rollout32")),
    "rollout8": Work("rollout", "rollout8", rollouts("rollout8")),
    "rollout1": Work("rollout", "rollout1", rollouts("rollout1")),
    "iteration-sample": Work(
        "rollout",
        "iteration-rollout",
        (python("Transformers bf16, compiled", "hf_generate.py", "iteration-rollout", *GENERATE),),
    ),
    "iteration-score": Work(
        "score",
        "iteration-pairs",
        (python("Transformers bf16, compiled", "torch_score.py", "iteration-pairs", "--precision", "bf16", "--compile"),),
    ),
    "iteration-update": Work(
        "update", "iteration-pairs", (python("TRL DPOTrainer, tuned", "trl_dpo.py", "iteration-pairs", "--tuned"),)
    ),
}

# One iteration of `make real`: 64 prompts with one sample each, the reference log-probs of 64 pairs, and two epochs of
# them, eight pairs a step.
ITERATION = {"iteration-sample": 1, "iteration-score": 8, "iteration-update": 16}
