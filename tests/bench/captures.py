# SPDX-License-Identifier: Apache-2.0
"""Packets a second on one core: crosscut over a capture of a gigabyte, beside libpcap alone and other flow tools.

The capture is made of the shared ones (tests/captures/run.py says where), copied with other addresses until it is large
enough; see capture_big.c. Every tool reads it once a round, in rotating order, from the page cache; the best of the rounds
counts, and the time is CPU time (user + system), because the machine has other things to do. Analysis: frames to flows
and closed windows (capture_flows.c), which is what the bars are about; rows, labels and CSV come on top and are
printed beside it. Exit status 1: a bar is missed.
"""
import argparse
import gzip
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "captures"))

import frames  # noqa: E402
import run as reference  # noqa: E402

BYTES, ROUNDS = 1_050_000_000, 3
QUICK_S, AGAIN = 4, 3  # what takes less is run so often a round: a short run is disturbed as a whole
LIMIT_S = 600
BARE, OURS, ROWS, CSV = "libpcap loop", "crosscut, analysis", "crosscut features, one column", "crosscut features"
SLOW = {"tshark"}  # one round is enough to tell
NFSTREAM = 0.147   # Mpackets/s on one core, as measured for the specification
BARS = ((BARE, 0.5), ("argus", 4), ("NFStream", 25))
N_CONCURRENT = 100_000  # also the room of capture_flows


class Missing(Exception):
    """What the measurement cannot do without."""


def say(text=""):
    print(text, flush=True)


def build(place):
    """The small programs that are not part of crosscut."""
    for name in ("capture_big", "capture_bare"):
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", HERE / f"{name}.c", "-o", place / name, "-lpcap"], check=True)


def sources(place):
    """The shared captures, unpacked where they are packed."""
    if not reference.SHARED.is_dir():
        raise Missing(f"{reference.SHARED} is not there: nothing to make a capture of")
    for path in sorted(reference.SHARED.iterdir()):
        if path.suffix in (".pcap", ".pcapng"):
            yield path
        elif path.name.endswith(".pcap.gz"):
            (place / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
            yield place / path.stem


def make_capture(place, size):
    """(path, what capture_big says of it)"""
    big = place / "big.pcap"
    done = subprocess.run([place / "capture_big", big, str(size), *sources(place)], capture_output=True, text=True,
                          check=True)
    return big, json.loads(done.stdout)


def tools(place, crosscut, capture):
    """{name: command}; a peer that is not installed is said to be missing."""
    found = {BARE: [place / "capture_bare", capture],
             OURS: [crosscut.parent / "capture_flows", capture],
             ROWS: [crosscut, "features", "-q", "-r", capture, "--columns", "packet_count", "--out", "-"],
             CSV: [crosscut, "features", "-q", "-r", capture, "--out", "-"]}
    peers = {"argus": ["argus", "-r", capture, "-w", os.devnull],
             "softflowd": ["softflowd", "-r", capture, "-c", "none", "-m", "2000000", "-d"],
             "tcptrace": ["tcptrace", "-n", capture],
             "tshark": ["tshark", "-n", "-q", "-z", "conv,tcp", "-r", capture]}
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for name, command in peers.items():
        where = shutil.which(name, path=path)
        if where:
            found[name] = [where, *command[1:]]
        else:
            say(f"  {name} is not installed: left out (tools/deps.sh peers)")
    return found


def spend(command, err=subprocess.DEVNULL):
    """(CPU seconds, peak of memory in KB) of one run; its stderr goes to `err`."""
    child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=err)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise Missing(f"{command[0]} failed with exit status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def spend_least(command):
    first = spend(command)
    return min(first, *(spend(command) for _ in range(AGAIN - 1))) if first[0] < QUICK_S else first


def measure(commands, rounds):
    """{name: (least CPU seconds, peak KB)}"""
    best, names = {}, list(commands)
    for n in range(rounds):
        for name in names[n % len(names):] + names[:n % len(names)]:
            if n and name in SLOW:
                continue
            best[name] = min(best.get(name, (float("inf"), 0)), spend_least(commands[name]))
            print(f"\rround {n + 1} of {rounds}: {name:32}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
    return best


def megabytes(kb):
    """A child counts at least what this process had when it began."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"< {own / 1024:.0f} MB" if kb <= own + 1024 else f"{kb / 1024:.0f} MB"


def print_rates(best, packets):
    """{name: Mpackets a CPU second}"""
    rates = {name: packets / seconds / 1e6 for name, (seconds, _) in best.items()}
    say(f"  {'':32} {'CPU s':>7} {'Mpackets/s':>11} {'ns/packet':>10} {'of libpcap':>11} {'memory':>9}")
    for name, (seconds, kb) in best.items():
        say(f"  {name:32} {seconds:7.2f} {rates[name]:11.2f} {1000 / rates[name]:10.0f} "
            f"{rates[name] / rates[BARE] * 100:9.0f} % {megabytes(kb):>9}")
    return rates | {"NFStream": NFSTREAM}


def concurrent(place, crosscut, n_flows):
    """As many flows at a time as the table holds, and more: memory, and what had to make room."""
    capture = place / "many.pcap"
    syns = ((1_600_000_000 * frames.S + n * 10_000, frames.ethernet(frames.ip4(
        frames.tcp(1024 + n % 60_000, 80, n, 0, frames.SYN), src=f"10.{n // 60_000}.0.1"))) for n in range(n_flows))
    with open(capture, "wb") as file:
        file.write(frames.pcap([]))
        for ts, frame in syns:
            file.write(struct.pack("<IIII", ts // frames.S, ts % frames.S, len(frame), len(frame)) + frame)
    done = subprocess.run([crosscut.parent / "capture_flows", capture], capture_output=True, text=True, check=True,
                          timeout=LIMIT_S)
    seconds, kb = spend([crosscut.parent / "capture_flows", capture])
    say(f"{n_flows} flows at a time: {done.stdout.strip()}; resident {kb / 1024:.0f} MB, {seconds:.2f} s")


def judge(rates):
    """Print the bars; true when one is missed."""
    missed = False
    say("bars")
    for name, times in BARS:
        if name not in rates:
            say(f"  ----  at least {times} x {name}: not measured")
            continue
        ratio, with_rows, with_csv = (rates[which] / rates[name] for which in (OURS, ROWS, CSV))
        missed |= ratio < times
        say(f"  {'pass' if ratio >= times else 'MISS'}  at least {times} x {name}: {ratio:.2f} x "
            f"(with rows {with_rows:.2f} x, with all of the CSV {with_csv:.2f} x)")
    return missed


def bench(options):
    with tempfile.TemporaryDirectory(prefix="crosscut-captures-") as name:
        place = pathlib.Path(name)
        build(place)
        big, facts = make_capture(place, options.bytes)
        say(f"one capture of {facts['bytes'] / 1e9:.2f} GB: {facts['packets']} packets, {facts['copies']} copies, "
            f"{facts['seconds']} s of traffic; load average {os.getloadavg()[0]:.2f}")
        rates = print_rates(measure(tools(place, options.crosscut, big), options.rounds), facts["packets"])
        big.unlink()
        for n_flows in (N_CONCURRENT, 2 * N_CONCURRENT):
            concurrent(place, options.crosscut, n_flows)
        return judge(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    build_dir = HERE.parents[1] / os.environ.get("BUILD", "build")
    parser.add_argument("--crosscut", type=pathlib.Path, default=build_dir / "crosscut")
    parser.add_argument("--bytes", type=int, default=BYTES, help="size of the capture (default: 1.05 GB)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    options.crosscut = options.crosscut.resolve()
    try:
        return int(bench(options))
    except Missing as why:
        say(f"captures: not measured: {why}")
        return 0
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"captures: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
