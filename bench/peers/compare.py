"""Runs ours and each peer in turns on one quiet machine and prints the table: compare.py [--work w1,rollout32] [--all].

A peer is started once for a work, compiles and warms up outside the measured time, and then waits for its turns while
ours runs; it ends before the next peer starts, so that two large ones are never in memory together.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import select
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


class PeerFailed(Exception):
    """A peer ended, was too slow or did other work than ours; the rest of the table goes on."""


class Running:
    """A peer's process, warmed up; a context manager that ends it."""

    def __init__(self, peer, log, limit):
        self.peer, self.limit, self.results, self.paired = peer, limit, [], []
        self.process = subprocess.Popen(
            peer.argv, env=peer.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def read(self):
        # One line answers one request, so nothing can be left in the reader's buffer.
        if not select.select([self.process.stdout], [], [], self.limit)[0]:
            raise PeerFailed(f"{self.peer.name} did not answer within {self.limit:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise PeerFailed(f"{self.peer.name} ended with status {self.process.wait()}; its output is in {log_name()}")
        return json.loads(line)

    def set_up(self):
        self.facts = self.read()

    def measure(self, seconds, ours):
        """One measurement, beside ours of the same minute."""
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        result = self.read()
        if result["tokens"] != ours["logical_tokens"]:
            raise PeerFailed(f"{self.peer.name} counts {result['tokens']} tokens a step, ours {ours['logical_tokens']}")
        self.results.append(result)
        self.paired.append(ours["tok_s"] / result["tokens_per_s"])


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


def compare_one(running, work, repeats, args, rounds, ours, busy):
    """Ours and one peer in turns."""
    running.set_up()
    for _ in range(rounds):
        busy.append(wait_for_quiet(args.quiet_wait))
        ours.append(measure_ours(work, repeats))
        busy.append(wait_for_quiet(args.quiet_wait))
        running.measure(args.seconds, ours[-1])


def compare(name, work, args, log):
    """One work: rows for ours and every peer, each row one JSON object of the results file."""
    begun = time.monotonic()
    repeats = repeats_for(work, args.seconds)
    ours, busy, peers = [], [], []
    for peer in work.peers:
        if not (peer.best or args.all):
            continue
        say(f"{name}: {peer.name} compiles and warms up")
        with Running(peer, log, args.limit) as running:
            try:
                compare_one(running, work, repeats, args, 1 if peer.library else args.rounds, ours, busy)
                peers.append(running)
            except PeerFailed as failure:
                say(f"{name}: {failure}")
                args.failed.append(f"{name}, {peer.name}")
    say(f"{name}: {time.monotonic() - begun:.0f} s")
    return rows(name, work, repeats, ours, peers, max(busy)) if peers else []


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


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
                "ratio": statistics.median(p.paired),
                "ratios": p.paired,
                "library": p.peer.library,
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
    print("\nours over the best peer (the median of the rounds' ratios):")
    for work in dict.fromkeys(r["work"] for r in table):
        best = min((r for r in table if r["work"] == work and "ratio" in r), key=lambda r: r["ratio"])
        probes = next(r for r in table if r["work"] == work)
        probes = ", ".join(f"{k[6:]} {v:.4g}" for k, v in probes.items() if k.startswith("probe_"))
        print(f"  {work:17}{best['ratio']:5.2f}x {best['contender']:34} probe of the same minutes: {probes}")


def iteration_seconds(table, choose):
    """Seconds of one iteration of `make real` from its measured parts, or None; choose picks one part's row."""
    total = 0.0
    for work, times in ITERATION.items():
        measured = [r for r in table if r["work"] == work]
        row = choose(measured) if measured else None
        if row is None:
            return None
        total += times * measured[0]["logical_tokens"] / row["tok_s"]
    return total


def best_row(measured, library=False):
    peers = [r for r in measured if "ratio" in r]
    peers = [r for r in peers if r["library"]] or peers if library else peers
    return max(peers, key=lambda r: r["tok_s"], default=None)


def print_iteration(table):
    """Ours, libraries alone and the best of all, each added up from the measured parts."""
    ours = iteration_seconds(table, lambda measured: measured[0])
    if ours is None:
        return
    print("\none iteration of make real, added up from its parts (" + ", ".join(f"{n} x {w[10:]}" for w, n in ITERATION.items()) + "):")
    print(f"  ours {ours:.1f} s")
    for what, library in (("Transformers and TRL", True), ("the fastest peer of each part", False)):
        theirs = iteration_seconds(table, lambda measured: best_row(measured, library))
        if theirs is not None:
            print(f"  {what} {theirs:.1f} s: {theirs / ours:.2f}x")


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
    if not table:
        return
    name = results_file(table)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with open(name, "a") as f:
        for r in table:
            f.write(json.dumps({"time": now, "commit": commit, **r}) + "\n")


def parse():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", default=",".join(WORKS), help="of " + ", ".join(WORKS))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=4, help="least measured time of a contender in a round")
    p.add_argument("--quiet-wait", type=float, default=20, help="longest wait for a quiet machine before a measurement, s")
    p.add_argument("--all", action="store_true", help="also the settings that were not the peer's best")
    p.add_argument("--limit", type=float, default=900, help="longest time a peer may take to answer, its set-up included, s")
    args = p.parse_args()
    args.failed = []
    args.work = args.work.split(",")
    unknown = [w for w in args.work if w not in WORKS]
    if unknown:
        p.error(f"no work is called {unknown[0]}; there are {', '.join(WORKS)}")
    return args


def main():
    args = parse()
    if not pathlib.Path(FETCHED / "venv").exists():
        sys.exit("the peers are not here; run scripts/fetch peers")
    begun, table = time.monotonic(), []
    with open(log_name(), "w") as log:
        for name in args.work:
            part = compare(name, WORKS[name], args, log)
            write_results(part)
            table += part
    if not table:
        sys.exit(f"no peer could be measured; their output is in {log_name()}")
    print_table(table)
    print_best(table)
    print_iteration(table)
    print_commands(table)
    print(f"\n{time.monotonic() - begun:.0f} s in all; written to {results_file(table).relative_to(ROOT)}")
    if args.failed:
        sys.exit("not measured: " + "; ".join(args.failed))


if __name__ == "__main__":
    main()
