"""How a peer talks to the driver: it sets up and warms up, says so, then answers each line of input with one measurement.

Every message is one JSON object a line on standard output. Libraries that print go to standard error.
"""

import json
import os
import random
import statistics
import sys
import time


def read_workload(path):
    with open(path) as f:
        return json.load(f)


def random_pairs(workload, vocab, seed=1):
    """[(prompt ids, chosen ids, rejected ids)] with the lengths of the workload and random ids."""
    draw = random.Random(seed)

    def ids(n):
        return [draw.randrange(vocab) for _ in range(n)]

    return [(ids(p["prompt_len"]), ids(p["chosen_len"]), ids(p["rejected_len"])) for p in workload["pairs"]]


def logical_tokens(workload):
    """Prompt and response of both sequences of every pair."""
    return sum(2 * p["prompt_len"] + p["chosen_len"] + p["rejected_len"] for p in workload["pairs"])


def peak_rss():
    """The highest resident size since reset_peak, in bytes."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))


def reset_peak():
    """Forgets the peak of compiling and warming up, so that only the measured work counts."""
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


class Driver:
    """The other end: answers on the standard output this process began with; what libraries print goes to standard error."""

    def __init__(self):
        self.begun = time.perf_counter()
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def ready(self, first_step, **facts):
        reset_peak()
        setup = time.perf_counter() - self.begun
        print(json.dumps({"ready": True, "setup_s": setup, "first_step_s": first_step, **facts}), file=self.out)

    def report(self, tokens, times):
        rate = tokens / statistics.median(times)
        print(json.dumps({"tokens_per_s": rate, "tokens": tokens, "steps_s": times, "peak_rss": peak_rss()}), file=self.out)


def requests():
    """Yields the least number of seconds of each measurement asked for, until the input ends."""
    for line in sys.stdin:
        yield float(line)


def seconds(step):
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def serve(make, warm_steps=2, **facts):
    """Runs make() -> (step, tokens per step), warms up, then measures at least one step on each request."""
    driver = Driver()
    step, tokens = make()
    warm = [seconds(step) for _ in range(warm_steps)]
    driver.ready(warm[0], **facts)
    for least in requests():
        times = [seconds(step)]
        while sum(times) < least:
            times.append(seconds(step))
        driver.report(tokens, times)
