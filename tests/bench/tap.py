# SPDX-License-Identifier: Apache-2.0
"""What live features cost: nanoseconds a packet, and throughput between two namespaces, watched and not.

The kernel counts runs and nanoseconds of each program (BPF_STATS_RUN_TIME); a program that returns at once, on the same
packets, gives what that counting itself costs. Whatever else the machine does in between, interrupts and other guests of
its host, counts as ours: the counts are taken many times a second, and beside their median, which the bar is for, stands
the 5th percentile, which others do not disturb. Throughput is that of rounds with us and with nobody in turn; the
stream is one connection all the while, for no two of them run alike. Its rate wanders by more than we cost; the share of
a CPU, from the counts, does not. The throughput of small datagrams is that of their 5th percentile, too; no program can
be told from it by 3 %, so that bar is for the stream.
Then memory under many concurrent flows. Exit status 1: a bar is missed.
"""
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field

import bpfcost
import stats
from bed import HERE, ROOT, LabError, command, pinned, tool, wait_for

BAR_NS, BAR_PCT = 150, 3.0
START_S, SETTLE_S = 30, 0.3
SLICE_S, SLICE_RUNS = 0.05, 1000
PORT = 5201
BATCHES = 8000  # of 20 datagrams, a second
FLOWS, FLOWS_SECONDS = 100_000, 12
SENDER = """
import socket, sys, time
ports, flows, until = 50, int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(ports)]
while time.monotonic() < until:
    for n in range(flows):
        try:
            sockets[n % ports].sendto(b"x", ("10.8.0.3", 1024 + n // ports))
        except OSError:
            pass
"""


@dataclass
class Load:
    rates: dict = field(default_factory=lambda: {"nothing": [], "features": []})  # by who watches
    slices: list = field(default_factory=list)  # Slice


class Bed:
    """Two namespaces and a veth pair between them; a directory for files."""

    def __enter__(self):
        digest = hashlib.sha256(f"{os.getpid()} {time.monotonic_ns()}".encode()).hexdigest()[:8]
        self.a, self.b = f"xc-{digest}-a", f"xc-{digest}-b"
        with contextlib.ExitStack() as made:
            self.dir = pathlib.Path(made.enter_context(tempfile.TemporaryDirectory(prefix="xc-bench-")))
            for name in (self.a, self.b):
                made.callback(command, ["ip", "netns", "del", name], check=False)
                command(["ip", "netns", "add", name])
            command(["ip", "link", "add", "eth0", "netns", self.a, "type", "veth", "peer", "name", "eth0", "netns", self.b])
            for name, host in ((self.a, 1), (self.b, 2)):
                command(["ip", "-n", name, "addr", "add", f"10.8.0.{host}/24", "dev", "eth0"])
                command(["ip", "-n", name, "link", "set", "eth0", "up"])
            # nobody is there: packets of many flows end at the other side
            command(["ip", "-n", self.a, "neigh", "replace", "10.8.0.3", "lladdr", "02:00:00:00:00:03", "dev", "eth0",
                     "nud", "permanent"])
            self.made = made.pop_all()
        return self

    def __exit__(self, *why):
        self.made.close()

    def inside(self, name, args):
        return [tool("ip"), "netns", "exec", name, *args]

    def tool(self, name):
        """Path of a program of this directory, compiled."""
        built = self.dir / name
        if not built.exists():
            command(["gcc", "-O2", str(HERE / f"{name}.c"), "-o", str(built), "-lbpf"])
        return str(built)


@contextlib.contextmanager
def running(args, **popen):
    process = subprocess.Popen(args, stdin=subprocess.DEVNULL, **popen)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def features(bed, crosscut, *options):
    """crosscut on the client's interface; its process. Rows go nowhere. Requests are another bench (requests.py)."""
    log = bed.dir / "features.err"
    args = [crosscut, "features", "eth0", "--netns", bed.a, "-d", "0", "-w", "1s", "--out", "-", "--stats", "--no-requests", *options]
    with open(log, "wb") as err, running(args, stdout=subprocess.DEVNULL, stderr=err) as process:
        def is_ready():
            if process.poll() is not None:
                raise LabError(f"crosscut ended: {log.read_text()}")
            return "watching" in log.read_text()
        wait_for(is_ready, START_S, "crosscut does not start")
        yield process


@contextlib.contextmanager
def empty_program(bed):
    """A program that returns at once, where ours would be."""
    with running(bed.inside(bed.a, [bed.tool("empty"), "eth0"]), stdout=subprocess.PIPE, text=True) as process:
        if process.stdout.readline() != "ready\n":
            raise LabError("the empty program cannot be attached")
        yield process
        process.terminate()


def received(bed):
    """Bytes that came to the server's interface so far."""
    return json.loads(command(["ip", "-n", bed.b, "-s", "-j", "link", "show", "eth0"]))[0]["stats64"]["rx"]["bytes"]


@contextlib.contextmanager
def streaming(bed):
    """One connection of iperf3, while it lasts."""
    with running(bed.inside(bed.b, pinned(1 % os.cpu_count(), ["iperf3", "-s", "-1", "-p", str(PORT)])),
                 stdout=subprocess.DEVNULL):
        wait_for(lambda: f":{PORT} " in command(bed.inside(bed.b, ["ss", "-Hltn"])), START_S, "iperf3 does not listen")
        with running(bed.inside(bed.a, pinned(0, ["iperf3", "-c", "10.8.0.2", "-p", str(PORT), "-t", "3600"])),
                     stdout=subprocess.DEVNULL):
            wait_for(lambda: received(bed) > 1e9, START_S, "iperf3 does not send")
            yield


def stream_rate(bed, seconds):
    """Bits a second of the stream that is under way."""
    time.sleep(SETTLE_S)
    before, began = received(bed), time.monotonic()
    time.sleep(seconds)
    return (received(bed) - before) * 8 / (time.monotonic() - began)


def iperf(bed, seconds):
    with streaming(bed):
        return stream_rate(bed, seconds)


def datagrams(bed, seconds):
    """Datagrams a second: sent and received by one thread, at the 5th percentile."""
    args = [bed.tool("datagrams"), f"/run/netns/{bed.b}", "10.8.0.2", str(BATCHES * seconds)]
    return 1e9 / int(command(bed.inside(bed.a, pinned(0, args))))


STREAM = "iperf3 stream"
LOADS = {STREAM: (iperf, "Gbit/s", 1e9), "64-byte datagrams": (datagrams, "kpps", 1e3)}


@dataclass
class Slice:
    """What the programs cost during a part of a load, by the kernel's count: nanoseconds a run."""
    ours: float
    empty: float
    runs_per_packet: float  # a super-packet is as many packets as it has segments
    runs_per_second: float

    @property
    def added(self):
        return self.ours - self.empty

    @property
    def of_cpu(self):
        return self.added * self.runs_per_second / 1e9


def counts(watcher, empty, names):
    """(runs, nanoseconds) so far: of our packet programs, of the empty one; and the time, in seconds."""
    def total(process, wanted):
        found = bpfcost.programs_of(process.pid, names)
        return (sum(found[n].runs for n in wanted if n in found), sum(found[n].ns for n in wanted if n in found))
    return total(watcher, ("flow_in", "flow_out")), total(empty, ("empty",)), time.monotonic()


def watch_counts(bed, args, load):
    """The counts many times a second while the load lasts, and how many packets we counted."""
    seen = []
    with empty_program(bed) as empty, features(bed, args.crosscut) as watcher:
        names = bpfcost.program_names()
        at_work = threading.Thread(target=LOADS[load][0], args=(bed, args.seconds))
        at_work.start()
        while at_work.is_alive():
            seen.append(counts(watcher, empty, names))
            at_work.join(SLICE_S)
    told = re.search(r"packets: (\d+) counted", (bed.dir / "features.err").read_text())
    return seen, int(told[1])


def slices_of(seen, packets):
    """Between any two counts in a row during which enough happened."""
    runs = seen[-1][0][0]
    for (ours, empty, at), (ours_next, empty_next, at_next) in zip(seen, seen[1:]):
        if min(ours_next[0] - ours[0], empty_next[0] - empty[0]) >= SLICE_RUNS:
            yield Slice((ours_next[1] - ours[1]) / (ours_next[0] - ours[0]),
                        (empty_next[1] - empty[1]) / (empty_next[0] - empty[0]), runs / packets,
                        (ours_next[0] - ours[0]) / (at_next - at))


def add_pair(bed, args, load, n, rate):
    """The rate with nobody and with us, one right after the other, the first of them in turn."""
    for who in ("nothing", "features") if n % 2 else ("features", "nothing"):
        with features(bed, args.crosscut) if who == "features" else contextlib.nullcontext():
            load.rates[who].append(rate())


def measure(bed, args):
    """{load: Load}: rounds in turn."""
    loads = {name: Load() for name in LOADS}
    with streaming(bed):
        for n in range(args.pairs):
            add_pair(bed, args, loads[STREAM], n, lambda: stream_rate(bed, 1))
            print(f"\rpair {n + 1} of {args.pairs}", end="", file=sys.stderr, flush=True)
    for n in range(args.rounds):
        for name, load in loads.items():
            if name != STREAM:
                add_pair(bed, args, load, n, lambda: LOADS[name][0](bed, args.seconds))
            with bpfcost.counting():
                load.slices += slices_of(*watch_counts(bed, args, name))
        print(f"\rround {n + 1} of {args.rounds}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 30 + "\r", end="", file=sys.stderr, flush=True)
    return loads


def report(loads):
    """Print it; True = within the bars."""
    is_good = True
    print(f"{'':20} {'ns a run':>18} {'added to a packet, ns':>27}")
    print(f"{'load':20} {'ours':>9}{'empty':>9} {'median':>12} {'undisturbed':>14}   {'of a CPU':>8}   "
          f"{'alone':>8} {'watched':>8}          cost (95 % interval)")
    for name, load in loads.items():
        if not load.slices:
            raise LabError(f"{name}: the programs did not run")
        ours, empty = (stats.median([getattr(s, who) for s in load.slices]) for who in ("ours", "empty"))
        added = sorted(s.added * s.runs_per_packet for s in load.slices)
        lost, low, high = stats.cost(load.rates["features"], load.rates["nothing"])
        _, unit, scale = LOADS[name]
        of_cpu = 100 * stats.median([s.of_cpu for s in load.slices])
        print(f"{name:20} {ours:9.0f}{empty:9.0f} {stats.median(added):12.0f} {added[len(added) // 20]:14.0f}   {of_cpu:6.1f} %   "
              f"{stats.median(load.rates['nothing']) / scale:8.2f} {stats.median(load.rates['features']) / scale:8.2f} "
              f"{unit:6}   {100 * lost:.1f} % ({100 * low:.1f} to {100 * high:.1f})")
        is_good = is_good and stats.median(added) <= BAR_NS and (unit == "kpps" or 100 * lost <= BAR_PCT)
    print(f"bars: {BAR_NS} ns added to a packet, {BAR_PCT:g} % of the stream: {'held' if is_good else 'MISSED'}")
    return is_good


def map_bytes(pid):
    """{map: bytes the kernel charges for it} of those process `pid` holds."""
    ids = {int(m[1]) for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir()
           if (m := re.search(r"^map_id:\s+(\d+)$", entry.read_text(), re.M))}
    shown = json.loads(command([tool("bpftool"), "-j", "map", "show"]))
    return {m["name"]: m.get("bytes_memlock", 0) for m in shown if m["id"] in ids}


def many_flows(bed, args, *options):
    """So many flows at once: what it takes, and what is told of those that did not fit."""
    with features(bed, args.crosscut, *options) as process:
        command(bed.inside(bed.a, [sys.executable, "-c", SENDER, str(FLOWS), str(FLOWS_SECONDS)]), check=False)
        maps = map_bytes(process.pid)
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1])
        process.send_signal(signal.SIGINT)
        process.wait(START_S)
    told = [line for line in (bed.dir / "features.err").read_text().splitlines()
            if re.search(r"flows|packets|room", line)]
    largest = ", ".join(f"{name} {maps[name] / 1e6:.1f}" for name in sorted(maps, key=maps.get, reverse=True)[:4])
    print(f"\n{FLOWS} concurrent flows, {' '.join(options)}: kernel {sum(maps.values()) / 1e6:.1f} MB ({largest}), "
          f"process {peak / 1024:.1f} MB at its peak")
    for line in told:
        print(f"    {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    built = ROOT / os.environ.get("BUILD", "build") / "crosscut"
    parser.add_argument("--crosscut", type=lambda p: str(pathlib.Path(p).resolve()), default=str(built))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=30, help="seconds of the stream with us and with nobody (default: 30)")
    parser.add_argument("--quick", action="store_true", help="2 rounds of a second: shows that it works, says nothing")
    parser.add_argument("--no-flows", action="store_true", help="leave out the part with many flows")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.pairs = 2, 1, 4
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the namespaces are removed
    if os.geteuid():
        print("needs root")
        return 77
    with Bed() as bed:
        is_good = report(measure(bed, args))
        if not args.no_flows:
            many_flows(bed, args, "--max-flows", str(2 * FLOWS))
            many_flows(bed, args, "--max-flows", str(FLOWS // 2))
    return not is_good


if __name__ == "__main__":
    sys.exit(main())
