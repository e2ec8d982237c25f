# SPDX-License-Identifier: Apache-2.0
"""Watchers compared in rounds: what the load is worth under each of them, and what of its CPU time each one takes."""
import sys

import bpfcost
import stats
from bed import MODES, busy_ns

KEPT, SHORT = MODES
OTHERS_MAX = 0.08  # of one CPU
QUIET_MIN = 5      # rounds
ALONE = "nothing"


def say(text=""):
    print(text, flush=True)


def measure_cell(bed, start, mode, seconds):
    watcher = start()
    try:
        spent, busy = watcher.cpu_ns(), busy_ns()
        run = bed.load(mode, seconds)
        spent, busy = watcher.cpu_ns() - spent, busy_ns() - busy
    finally:
        watcher.stop()
    return {"rate": run.rate, "p99_us": run.p99_us, "requests": run.requests, "connections": run.connections,
            "cpu_ns": (run.cpu_ns + spent) / run.requests, "watcher_ns": spent / run.seconds,
            "others": max(0, busy - run.cpu_ns - spent) / run.seconds / 1e9}


def measure_mode(watchers, mode, args):
    """{watcher: [cell of round 0, cell of round 1 ...]}"""
    names = list(watchers.start)
    cells = {name: [] for name in names}
    watchers.bed.load(mode, 1)  # warm up
    for n in range(args.rounds):
        for name in names[n % len(names):] + names[:n % len(names)]:
            cells[name].append(measure_cell(watchers.bed, watchers.start[name], mode, args.seconds))
        print(f"\r{mode}: round {n + 1} of {args.rounds}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
    return cells


def column(cells, key):
    return [cell[key] for cell in cells]


def quiet_rounds(cells):
    """Only the rounds in which others left the machine alone; all of them when these are too few."""
    rounds = list(zip(*cells.values()))
    quiet = [r for r in rounds if all(cell["others"] < OTHERS_MAX for cell in r)]
    used = quiet if len(quiet) >= QUIET_MIN else rounds
    return dict(zip(cells, map(list, zip(*used)))), len(quiet)


def summary(cells):
    """Per watcher: medians, spread, and both costs against nobody: of throughput and of CPU time per request."""
    alone, rows = cells[ALONE], {}
    for name, mine in cells.items():
        rates = column(mine, "rate")
        rows[name] = {"rate": stats.median(rates), "spread": stats.spread(rates),
                      "p99_us": stats.median(column(mine, "p99_us")), "cpu_ns": stats.median(column(mine, "cpu_ns")),
                      "watcher_ns": stats.median(column(mine, "watcher_ns")),
                      "cost": stats.cost(rates, column(alone, "rate")),
                      # CPU time per request, turned over: what the same CPU would have served
                      "cpu_cost": stats.cost([1 / v for v in column(mine, "cpu_ns")],
                                             [1 / v for v in column(alone, "cpu_ns")]),
                      "per_request": sum(column(mine, "connections")) / sum(column(mine, "requests"))}
    return rows


def percent(cost):
    return f"{cost[0] * 100:5.2f} % [{cost[1] * 100:5.2f} .. {cost[2] * 100:5.2f}]"


def print_mode(mode, rows):
    say(f"{mode} ({rows[ALONE]['per_request']:.2f} connections per request)")
    say(f"  {'watched by':22} {'requests/s':>10} {'spread':>7} {'p99':>8}  {'throughput lost [95 % CI]':26}"
        f"{'more CPU per request [95 % CI]':32}{'watcher':>8}")
    for name, r in rows.items():
        lost = ("-", "-") if name == ALONE else (percent(r["cost"]), percent(r["cpu_cost"]))
        say(f"  {name:22} {r['rate']:10.0f} {r['spread'] * 100:5.1f} % {r['p99_us']:5.0f} us  {lost[0]:26}"
            f"{lost[1]:32}{r['watcher_ns'] / 1e7:6.2f} %")


def bpf_cost(watchers, mode, seconds):
    """BPF time per program and per request, counted by the kernel, less what an empty program measures."""
    bed = watchers.bed
    with bpfcost.counting():
        empty = watchers.start_empty()
        try:
            _, counted, _ = bpfcost.during(empty, lambda: bed.load(SHORT, seconds))
        finally:
            empty.stop()
        ours = watchers.start_crosscut()
        try:
            run, programs, spent = bpfcost.during(ours, lambda: bed.load(mode, seconds))
        finally:
            ours.stop()
    floor = sum(c.ns for c in counted.values()) / sum(c.runs for c in counted.values())
    total = sum(c.ns for c in programs.values())
    net = sum(max(0.0, c.ns - c.runs * floor) for c in programs.values())
    return {"floor_ns": floor, "requests": run.requests, "gross_ns": total / run.requests, "net_ns": net / run.requests,
            "runs": sum(c.runs for c in programs.values()) / run.requests, "watcher_cpu_s": spent / 1e9 / run.seconds,
            "programs": {n: {"runs": c.runs / run.requests, "ns": c.ns / c.runs} for n, c in programs.items()}}


def print_bpf(mode, cost, alone_ns):
    say(f"BPF, {mode}: {cost['net_ns']:.0f} ns per request in {cost['runs']:.1f} runs "
        f"= {cost['net_ns'] / alone_ns * 100:.2f} % of the {alone_ns / 1000:.1f} us a request takes "
        f"(with the measuring itself, {cost['floor_ns']:.0f} ns a run: {cost['gross_ns']:.0f} ns, "
        f"{cost['gross_ns'] / alone_ns * 100:.2f} %)")
    for name, p in sorted(cost["programs"].items(), key=lambda item: -item[1]["ns"] * item[1]["runs"]):
        if p["runs"] * p["ns"] >= 1:
            say(f"  {name:18} {p['runs']:7.3f} runs/request  {max(0, p['ns'] - cost['floor_ns']):6.0f} ns/run"
                f"  {p['runs'] * max(0, p['ns'] - cost['floor_ns']):7.0f} ns/request")
    say(f"  the process crosscut: {cost['watcher_cpu_s'] * 100:.2f} % of one CPU")


def print_bars(bars):
    say("bars")
    for bar, passed, text in bars:
        say(f"  {'pass' if passed else 'MISS'}  {bar}: {text}")
