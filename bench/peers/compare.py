"""Runs ours and each peer in turns on one quiet machine and prints the table: compare.py [--work w1,rollout32] [--all].

A peer is started once for a work, compiles and warms up outside the measured time, and then waits while others run.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

from contenders import FETCHED, ITERATION, ROOT, WORKS

QUIET_SHARE = 0.05


def cpu_ticks():
    with open("/proc/stat") as f:
        ticks = [int(t) for t in f.readline().split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def wait_for_quiet(limit):
    """Waits until the CPUs idle; returns the share in use at the end."""
    until = time.monotonic() + limit
    while True:
        total, idle = cpu_ticks()
        time.sleep(0.5)
        total, idle = [b - a for a, b in zip((total, idle), cpu_ticks())]
        busy = 1 - idle / total
        if busy <= QUIET_SHARE or time.monotonic() >= until:
            return busy


class Running:
    """A peer's process, warmed up."""

    def __init__(self, peer, log):
        self.peer, self.results = peer, []
        self.process = subprocess.Popen(
            peer.argv, env=peer.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        self.facts = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.peer.name} ended with status {self.process.wait()}; its output is in {log_name()}")
        return json.loads(line)

    def measure(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        self.results.append(self.read())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def log_name():
    return FETCHED / "peers.log"


def measure_ours(work, repeats):
    done = subprocess.run(work.ours(repeats), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def repeats_for(work, seconds):
    """As many timed runs of ours as fit into the time, found with one run."""
    first = measure_ours(work, 1)
    return max(1, min(20, round(seconds / first["seconds"][0])))


def summary(rates):
    return {"tok_s": statistics.median(rates), "tok_s_min": min(rates), "tok_s_max": max(rates)}


def command_text(argv, env=()):
    words = [f"{k}={v}" for k, v in dict(env).items()] + list(argv)
    return " ".join(w.replace(str(ROOT) + "/", "") for w in words)


def compare(name, work, args, log):
    """One work: rows for ours and every peer, each row one JSON object of the results file."""
    repeats = repeats_for(work, args.seconds)
    ours, busy = [], []
    with contextlib.ExitStack() as stack:
        peers = []
        for peer in work.peers:
            if peer.best or args.all:
                print(f"  {name}: {peer.name} compiles and warms up", file=sys.stderr, flush=True)
                peers.append(Running(peer, log))
                stack.callback(peers[-1].stop)
        for _ in range(args.rounds):
            for running in peers:
                busy.append(wait_for_quiet(args.quiet_wait))
                ours.append(measure_ours(work, repeats))
                busy.append(wait_for_quiet(args.quiet_wait))
                running.measure(args.seconds)
    return rows(name, work, repeats, ours, peers, max(busy))


def rows(name, work, repeats, ours, peers, busy):
    # The figure of the whole process, which has the parts of a run in it that do not repeat.
    last = ours[-1]
    row = {
        "work": name,
        "contender": "spar",
        **summary([r["tok_s"] for r in ours]),
        "peak_rss_mb": max(r["rss_mb"] for r in ours),
        "rounds": [r["tok_s"] for r in ours],
        "command": command_text(work.ours(repeats)),
        "others_busy": round(busy, 3),
        **{k: last[k] for k in ("cpu", "isa", "threads", "precision", "build", "logical_tokens") if k in last},
        **{k: statistics.median(r[k] for r in ours) for k in last if k.startswith("probe_")},
    }
    table = [row]
    for p in peers:
        rates = [r["tokens_per_s"] for r in p.results]
        table.append(
            {
                "work": name,
                "contender": p.peer.name,
                **summary(rates),
                "ratio": row["tok_s"] / statistics.median(rates),
                "peak_rss_mb": max(r["peak_rss"] for r in p.results) / 2**20,
                "rounds": rates,
                "command": command_text(p.peer.argv, p.peer.env),
                **{k: v for k, v in p.facts.items() if k != "ready"},
            }
        )
    return table


def print_table(table):
    print(f"\n{'work':17}{'contender':34}{'tok/s':>8}  {'(min-max)':17}{'MiB':>7}  {'ours/peer':>9}")
    for r in table:
        spread = f"({r['tok_s_min']:.0f}-{r['tok_s_max']:.0f})"
        ratio = f"{r['ratio']:8.2f}x" if "ratio" in r else ""
        print(f"{r['work']:17}{r['contender']:34}{r['tok_s']:8.1f}  {spread:17}{r['peak_rss_mb']:7.0f}  {ratio:>9}")


def print_best(table):
    print("\nours over the best peer:")
    for work in dict.fromkeys(r["work"] for r in table):
        ratios = [r["ratio"] for r in table if r["work"] == work and "ratio" in r]
        probes = next(r for r in table if r["work"] == work)
        probes = ", ".join(f"{k[6:]} {v:.4g}" for k, v in probes.items() if k.startswith("probe_"))
        print(f"  {work:17}{min(ratios):5.2f}x   probe of the same minutes: {probes}")


def print_iteration(table):
    """One iteration of `make real`, added up from its measured parts; nothing for a part that was not measured."""
    ours, theirs = 0.0, 0.0
    for work, times in ITERATION.items():
        measured = [r for r in table if r["work"] == work]
        if not measured:
            return
        tokens = times * measured[0]["logical_tokens"]
        ours += tokens / measured[0]["tok_s"]
        theirs += min(tokens / r["tok_s"] for r in measured[1:])
    print("\none iteration of make real, added up from its parts (" + ", ".join(f"{n} x {w[10:]}" for w, n in ITERATION.items()) + "):")
    print(f"  Transformers + TRL {theirs:.1f} s, ours {ours:.1f} s: {theirs / ours:.2f}x")


def print_commands(table):
    print("\ncommands, from the repository's root; compiling and warming up are not in the figures:")
    for r in table:
        facts = ", ".join(f"{k} {r[k]}" for k in ("torch", "transformers", "trl", "llama_cpp", "isa", "build") if k in r)
        setup = f"; first step {r['first_step_s']:.0f} s, all set-up {r['setup_s']:.0f} s" if "setup_s" in r else ""
        print(f"  {r['work']}, {r['contender']} ({facts}{setup}):\n    {r['command']}")


def results_file(table):
    cpu = re.sub(r"[^a-z0-9]+", "-", table[0].get("cpu", "cpu").lower()).strip("-")
    day = datetime.date.today().isoformat()
    return ROOT / "bench" / "results" / f"{day}-peers-{cpu}-{os.cpu_count()}-cores.jsonl"


def write_results(table):
    name = results_file(table)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with open(name, "a") as f:
        for r in table:
            f.write(json.dumps({"time": now, "commit": commit, **r}) + "\n")
    return name


def parse():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", default=",".join(WORKS), help="of " + ", ".join(WORKS))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=4, help="least measured time of a contender in a round")
    p.add_argument("--quiet-wait", type=float, default=60, help="longest wait for a quiet machine before a measurement, s")
    p.add_argument("--all", action="store_true", help="also the settings that were not the peer's best")
    args = p.parse_args()
    args.work = args.work.split(",")
    unknown = [w for w in args.work if w not in WORKS]
    if unknown:
        p.error(f"no work is called {unknown[0]}; there are {', '.join(WORKS)}")
    return args


def main():
    args = parse()
    if not pathlib.Path(FETCHED / "venv").exists():
        sys.exit("the peers are not here; run scripts/fetch peers")
    table = []
    with open(log_name(), "w") as log:
        for name in args.work:
            part = compare(name, WORKS[name], args, log)
            write_results(part)
            table += part
    print_table(table)
    print_best(table)
    print_iteration(table)
    print_commands(table)
    print(f"\nwritten to {results_file(table).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
