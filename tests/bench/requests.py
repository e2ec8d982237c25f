# SPDX-License-Identifier: Apache-2.0
"""What requests cost: events a second, from a recording and live; how old they are when they come out; what connections hold;
what a watched request costs, beside tcpdump; and captures beside tshark. (Requests from memory: l7.py.)

Server and load have a CPU of their own and the watcher another, except where costs are compared: there they share one.
Exit status 1: a bar is missed.
"""
import argparse
import os
import platform
import signal
import sys

import captures
import events
import rounds
import stats
import versus
from bed import MODES, PIPELINED, ROOT, Bed, LabError
from observers import FORMATS, Observers
from rounds import ALONE, KEPT, percent, say

EVENTS_S = 100_000
AGE_US = {"p50_us": 100, "p99_us": 1000}
BASE_KB, CONNECTION_KB = 50 * 1024, 1
TIMES_TSHARK = 50
RATES = (2_000, 20_000)  # requests a second
COUNTS = (1_000, 10_000, 65_536)
PARTS = {}  # name: how it is measured and printed; the bars it gives


def part(measure):
    PARTS[measure.__name__] = measure
    return measure


# ---- events a second ---------------------------------------------------------------------------

@part
def recording(watchers, args):
    """What a core makes of a recording of the same load."""
    path, account = events.record(watchers, KEPT, args.seconds)
    rates = events.from_recording(watchers, path, args.rounds)
    say(f"from a recording ({path.stat().st_size / 1e6:.0f} MB, {account.requests} requests, {account.lost} records lost), "
        f"CPU time of one core")
    for name, rate in rates.items():
        say(f"  {name:8} {rate:10.0f} events/s")
    path.unlink()
    return [(f"recording, {name}: {EVENTS_S} events/s", rate >= EVENTS_S, f"{rate:.0f}") for name, rate in rates.items()]


def is_whole(cell):
    return not cell["lost"] and cell["missing"] <= 0


@part
def live(watchers, args):
    """End to end: as fast as the load's CPU can, each request and its answer."""
    say("live, end to end: server and load on one CPU, observe on another")
    say(f"  {'load':22} {'output':8} {'requests/s':>10} {'events/s':>9} {'of its CPU':>10} {'a full CPU':>10} {'lost':>7}")
    bars = []
    for name in FORMATS:
        cells = {mode: [events.live(watchers, name, mode, args.seconds) for _ in range(args.rounds)]
                 for mode in (KEPT, PIPELINED)}
        for mode, column in cells.items():
            mean = {key: stats.median([cell[key] for cell in column]) for key in column[0]}
            say(f"  {mode:22} {name:8} {mean['requests_s']:10.0f} {mean['events_s']:9.0f} {mean['busy'] * 100:8.0f} % "
                f"{mean['capacity_s']:10.0f} {max(cell['lost'] for cell in column):7.0f}")
        bars.append(live_bar(name, cells))
    return bars


def live_bar(name, cells):
    """The median of the better load, of those in which no run lost anything."""
    whole = [column for column in cells.values() if all(map(is_whole, column))]
    best = max((stats.median([cell["events_s"] for cell in column]) for column in whole), default=0)
    lossy = sum(not is_whole(cell) for column in cells.values() for cell in column)
    return (f"live, {name}: {EVENTS_S} events/s, none lost", best >= EVENTS_S, f"{best:.0f}; {lossy} runs lost something")


# ---- how old, how large --------------------------------------------------------------------------

@part
def age(watchers, args):
    """From the kernel to the other end of a pipe."""
    say("age of an answer's event at the reader's end of a pipe (observe and reader share a CPU)")
    bars = []
    for rate in RATES:
        found = [events.ages(watchers, rate, args.seconds) for _ in range(args.rounds)]
        mean = {key: stats.median([one[key] for one in found]) for key in found[0]}
        say(f"  {mean['rate']:6.0f} requests/s: p50 {mean['p50_us']:.0f} us, p90 {mean['p90_us']:.0f}, p99 {mean['p99_us']:.0f}, "
            f"p99.9 {mean['p999_us']:.0f}, max {mean['max_us']:.0f}; {mean['lost']:.0f} records lost")
        bars += [(f"age at {rate} requests/s, {key[:3]}: under {bar} us", mean[key] < bar, f"{mean[key]:.0f} us")
                 for key, bar in AGE_US.items()]
    return bars


@part
def memory(watchers, args):
    """Resident memory with open connections."""
    say("resident memory, peak; every connection is open and has had a request")
    bars = []
    for count in COUNTS[:2] if args.quick else COUNTS:
        m = events.resident(watchers, count)
        parts = ", ".join(f"{name} {kb / 1024:.1f}" for name, kb in m["parts"].items())
        bar = BASE_KB + count * CONNECTION_KB
        say(f"  {m['connections']:6} connections: {m['peak_kb'] / 1024:.1f} MB ({parts}), "
            f"{m['idle_kb'] / 1024:.1f} MB with none; {(m['peak_kb'] - m['idle_kb']) * 1024 / count:.0f} bytes each; {m['lost']} records lost")
        good = m["peak_kb"] <= bar and m["requests"] == count
        bars.append((f"memory, {count} connections: at most {bar / 1024:.0f} MB", good,
                     f"{m['peak_kb'] / 1024:.1f} MB, {m['requests']} requests read"))
    return bars


# ---- what a request costs ----------------------------------------------------------------------------

@part
def cost(watchers, args):
    """Added CPU time, interleaved; server, load and watcher share a CPU. There is no bar, but tcpdump beside it."""
    for mode in MODES:
        cells, n_quiet = rounds.quiet_rounds(rounds.measure_mode(watchers, mode, args))
        rows = rounds.summary(cells)
        rounds.print_mode(mode, rows)
        say(f"  others left the machine alone in {n_quiet} of {args.rounds} rounds; used: {len(cells[ALONE])}")
        print_added(rows)
        rounds.print_bpf(mode, rounds.bpf_cost(watchers, mode, args.seconds), rows[ALONE]["cpu_ns"])
    return []


def added(rows, name):
    """ns of CPU a request more than with nobody."""
    return rows[name]["cpu_ns"] - rows[ALONE]["cpu_ns"]


def print_added(rows):
    for name, row in rows.items():
        if name != ALONE:
            say(f"  {name:22} {added(rows, name):+8.0f} ns of CPU a request; {percent(row['cpu_cost'])}")


# ---- beside tshark -----------------------------------------------------------------------------------

@part
def tshark(watchers, args):
    """One capture, the same protocols."""
    try:
        found = versus.measure(watchers, args.bytes, args.rounds)
    except captures.Missing as why:
        say(f"captures: not measured: {why}")
        return []
    facts, seconds = found["facts"], found["seconds"]
    say(f"one capture of {facts['bytes'] / 1e6:.0f} MB: {facts['packets']} packets, {found['requests']} requests; CPU time")
    for (who, what), spent in seconds.items():
        say(f"  {who:8} {what:6} {spent:8.2f} s {facts['packets'] / spent / 1e3:9.1f} kpackets/s "
            f"{spent / facts['packets'] * 1e9:9.0f} ns a packet")
    return [(f"{what}: at least {TIMES_TSHARK} x tshark", ratio >= TIMES_TSHARK, f"{ratio:.1f} x")
            for who, what in seconds if who == "tshark"
            for ratio in [seconds[who, what] / seconds["observe", what]]]


# ---- all of them -------------------------------------------------------------------------------------

def measure(args):
    bars = []
    with Bed(args.cpu) as bed:
        watchers = Observers(bed, args.crosscut)
        say(f"Linux {platform.release()}, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.2f}; "
            f"{args.rounds} rounds of {args.seconds} s")
        if os.getloadavg()[0] > 0.5:
            say("  the machine is busy with other things: these numbers are not final")
        for name in args.parts:
            say()
            bars += PARTS[name](watchers, args)
    return bars


def parse(argv):
    built = ROOT / os.environ.get("BUILD", "build") / "crosscut"
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--crosscut", default=os.environ.get("CROSSCUT", str(built)), help="the binary (default: %(default)s)")
    p.add_argument("--seconds", type=int, default=3, help="of each measurement")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--bytes", type=int, default=200_000_000, help="size of the capture for tshark")
    p.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="of server and load; default: the last one")
    p.add_argument("--quick", action="store_true", help="one short round of each: shows that it works, says nothing")
    p.add_argument("parts", nargs="*", metavar="PART", help=f"all of them, when none is named: {', '.join(PARTS)}")
    args = p.parse_args(argv)
    if args.quick:
        args.seconds, args.rounds, args.bytes = 1, 1, 2_000_000
    args.parts = args.parts or list(PARTS)
    return args


def main():
    args = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespace is removed
    try:
        bars = measure(args)
    except (LabError, OSError) as error:
        say(f"requests: {error}")
        return 1
    say()
    rounds.print_bars(bars)
    return int(not all(passed for _, passed, _ in bars))


if __name__ == "__main__":
    sys.exit(main())
