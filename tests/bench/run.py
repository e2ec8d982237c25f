# SPDX-License-Identifier: Apache-2.0
"""What crosscut costs: throughput and p99 of nginx under wrk, watched by nobody, by crosscut and by its peers.

Everything is interleaved in one run (a round measures each of them once, in rotating order) and compared within a
round, because the machine's own mood moves more than the costs do. Exit status 1: a bar is missed.
"""
import argparse
import json
import os
import platform
import signal
import sys

import bare
import bpfcost
import memory
import stats
from bed import MODES, Bed, LabError
from rounds import (ALONE, KEPT, OTHERS_MAX, QUIET_MIN, SHORT, bpf_cost, column, measure_cell, measure_mode, percent, print_bars,
                    print_bpf, print_mode, quiet_rounds, say, summary)
from watchers import ConnectionWatchers

BAR_PCT = {KEPT: 1.0, SHORT: 3.0}
BAR_RSS_KB = 30 * 1024
ROUNDS, SECONDS, PAIRS, FAILURES = 10, 2, 60, 100_000
QUICK_ROUNDS, QUICK_SECONDS, QUICK_PAIRS, QUICK_FAILURES = 3, 1, 3, 10_000
PAIR_SECONDS = 1
OURS = "crosscut why"


def measure_pairs(watchers, mode, n_pairs):
    """[(cell with us, cell after we are gone)], one right after the other, the first of them in turn."""
    start, pairs = {OURS: watchers.start_crosscut, ALONE: watchers.start_gone}, []
    for n in range(n_pairs):
        order = (OURS, ALONE) if n % 2 else (ALONE, OURS)
        cells = {name: measure_cell(watchers.bed, start[name], mode, PAIR_SECONDS) for name in order}
        pairs.append((cells[OURS], cells[ALONE]))
        print(f"\r{mode}: pair {n + 1} of {n_pairs}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
    return pairs


def cost_of_pairs(pairs):
    """What is lost, from the pairs in which others left the machine alone."""
    quiet = [pair for pair in pairs if all(cell["others"] < OTHERS_MAX for cell in pair)]
    used = quiet if len(quiet) >= QUIET_MIN else pairs
    return {"n": len(used), "cost": stats.cost(*(column([pair[who] for pair in used], "rate") for who in (0, 1)))}


def print_bare(ns, alone_ns):
    say(f"bare connections (one process connects, accepts and closes): {ns[ALONE] / 1000:.1f} us each with {ALONE}")
    for name, value in ns.items():
        if name != ALONE:
            added = value - ns[ALONE]
            say(f"  {name:22} {added:+6.0f} ns = {added / alone_ns * 100:.2f} % of the {alone_ns / 1000:.1f} us that "
                f"server and load spend on a request with its connection")


def print_memory(m):
    say(f"memory: {m['attempted']} failures attempted; VmHWM {m['idle_kb'] / 1024:.1f} MB at start, "
        f"{m['peak_kb'] / 1024:.1f} MB at the end")
    for what in ("refused", "dropped"):
        s = m[what]
        parts = ", ".join(f"{k} {v / 1024:.1f}" for k, v in s["memory_kb"].items())
        say(f"  {what}: {s['results']} in {s['seconds']:.1f} s, settled after {s['until_quiet_s']:.1f} s; "
            f"peak {s['peak_kb'] / 1024:.1f} MB ({parts}); CPU {s['cpu_ns'] / 1e9:.1f} s")
    seconds = sum(m[what]["until_quiet_s"] for what in ("refused", "dropped"))
    total = sum(m["findings"].values())
    say(f"  findings: {total} ({total / seconds:.0f}/s) {m['findings']}")
    for line in m["stats"]:
        say(f"  {line}")


def judge(result):
    """[(bar, passed, text)]"""
    bars = []
    for mode, rows in result["modes"].items():
        cost, bar = result["pairs"][mode]["cost"], BAR_PCT[mode]
        doubt = "" if cost[1] * 100 > bar or cost[2] * 100 <= bar else "; the interval reaches over the bar"
        bars.append((f"{mode}: at most {bar:.0f} % of throughput", cost[0] * 100 <= bar, percent(cost) + doubt))
        for name in rows:
            if name not in (ALONE, OURS) and mode == SHORT:
                other = rows[name]["cost"]
                bars.append((f"{mode}: less than {name}", cost[0] < other[0],
                             f"{percent(cost)} against {percent(other)}"))
    if "memory" in result:
        kb = result["memory"]["peak_kb"]
        bars.append((f"memory: at most {BAR_RSS_KB // 1024} MB", kb <= BAR_RSS_KB, f"{kb / 1024:.1f} MB"))
    return bars


def print_setting(watchers, args):
    others = bpfcost.tracing_programs_attached()
    say(f"Linux {platform.release()}, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.2f}; server, load and "
        f"watcher share CPU {args.cpu}; {args.rounds} rounds of {args.seconds} s, order rotated, medians")
    if os.getloadavg()[0] > 0.5:
        say("  the machine is busy with other things: these numbers are not final")
    if others:
        say(f"  {others} tracing programs of others are attached: they cost every measurement, also the one without us")
    if watchers.why_not_bpftrace:
        say(f"  bpftrace does not work here ({watchers.why_not_bpftrace}); its stand-in (peer.c) hooks the")
        say("  same tracepoints and prints each event as bpftrace would")


def run(args):
    result = {"modes": {}, "cells": {}, "pairs": {}, "bpf": {}, "load_average": os.getloadavg()[0]}
    with Bed(args.cpu) as bed:
        watchers = ConnectionWatchers(bed, args.crosscut)
        print_setting(watchers, args)
        for mode in MODES:
            result["cells"][mode] = measure_mode(watchers, mode, args)
            cells, n_quiet = quiet_rounds(result["cells"][mode])
            result["modes"][mode] = summary(cells)
            say()
            print_mode(mode, result["modes"][mode])
            say(f"  others left the machine alone in {n_quiet} of {args.rounds} rounds; used: {len(cells[ALONE])}")
            result["pairs"][mode] = cost_of_pairs(measure_pairs(watchers, mode, args.pairs))
            say(f"  {OURS} against itself, ended before the load, in {result['pairs'][mode]['n']} pairs of {PAIR_SECONDS} s, one right after "
                f"the other: {percent(result['pairs'][mode]['cost'])} lost")
            result["bpf"][mode] = bpf_cost(watchers, mode, args.seconds)
            print_bpf(mode, result["bpf"][mode], result["modes"][mode][ALONE]["cpu_ns"])
        say()
        result["bare"] = bare.measure(watchers, max(3, args.rounds // 2))
        print_bare(result["bare"], result["modes"][SHORT][ALONE]["cpu_ns"])
        say()
        result["memory"] = memory.measure(watchers, args.failures // 2)
        print_memory(result["memory"])
    return result


def parse(argv):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    built = os.path.join(root, os.environ.get("BUILD", "build"), "crosscut")
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--crosscut", default=os.environ.get("CROSSCUT", built), help="the binary (default: %(default)s)")
    p.add_argument("--seconds", type=int, help=f"of each measurement (default: {SECONDS})")
    p.add_argument("--rounds", type=int, help=f"default: {ROUNDS}")
    p.add_argument("--pairs", type=int, help=f"with us and with nobody, for the bars (default: {PAIRS})")
    p.add_argument("--failures", type=int, help=f"attempted for the memory bar (default: {FAILURES})")
    p.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="default: the last one")
    p.add_argument("--quick", action="store_true", help="short and rough; bars are printed but not enforced")
    p.add_argument("--json", help="write every measurement to this file")
    args = p.parse_args(argv)
    args.seconds = args.seconds or (QUICK_SECONDS if args.quick else SECONDS)
    args.rounds = args.rounds or (QUICK_ROUNDS if args.quick else ROUNDS)
    args.pairs = args.pairs or (QUICK_PAIRS if args.quick else PAIRS)
    args.failures = args.failures or (QUICK_FAILURES if args.quick else FAILURES)
    return args


def main():
    args = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespace is removed
    try:
        result = run(args)
    except LabError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    bars = judge(result)
    say()
    print_bars(bars)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({**result, "bars": bars}, file, indent=1)
    return int(not args.quick and not all(passed for _, passed, _ in bars))


if __name__ == "__main__":
    sys.exit(main())
