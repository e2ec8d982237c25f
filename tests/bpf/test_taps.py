# SPDX-License-Identifier: Apache-2.0
"""Flows counted on interfaces against the interfaces' own counters, in namespaces made here. TAP; needs root.

test_taps.py CROSSCUT
"""
import contextlib
import csv
import hashlib
import io
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

LIMIT_S = 30
ETHERNET_BYTES = 14
SENDER = """
import socket, sys
kind, address, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.connect((address, 7000))
for _ in range(n):
    s.send(b"x" * 1000)
s.shutdown(socket.SHUT_WR)
while kind == "tcp" and s.recv(4096):
    pass
"""
RECEIVER = """
import socket
tcp = socket.create_server(("0.0.0.0", 7000))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 7000))
print("ready", flush=True)
c = tcp.accept()[0]
while c.recv(65536):
    pass
c.close()
tcp.close()
while True:
    udp.recv(2048)
"""


def ip(*args):
    return subprocess.run(["ip", *args], check=True, capture_output=True, text=True, timeout=LIMIT_S).stdout


def quiet(*args):
    subprocess.run(args, check=False, capture_output=True, timeout=LIMIT_S)


class Bed:
    """Namespaces c - r - s: a client, a router, a server. No interface sends anything by itself."""

    def __init__(self):
        digest = hashlib.sha256(f"{os.getpid()} {time.monotonic_ns()}".encode()).hexdigest()[:8]
        self.ns = {end: f"xc-{digest}-{end}" for end in "crs"}

    def __enter__(self):
        with contextlib.ExitStack() as made:
            for name in self.ns.values():
                made.callback(quiet, "ip", "netns", "del", name)
                ip("netns", "add", name)
                self.inside(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                            "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.ip_forward=1")
                ip("-n", name, "link", "set", "lo", "up")
            self.wire("c", "r", "10.7.1")
            self.wire("s", "r", "10.7.2")
            self.made = made.pop_all()
        return self

    def __exit__(self, *why):
        self.made.close()

    def inside(self, name, *args):
        return subprocess.run(["ip", "netns", "exec", name, *args], check=True, capture_output=True, text=True,
                              timeout=LIMIT_S).stdout

    def wire(self, end, router, net):
        """A veth pair; segments are not merged, so that interfaces count what is on the wire."""
        a, b = self.ns[end], self.ns[router]
        ip("link", "add", "eth0", "netns", a, "type", "veth", "peer", "name", f"to-{end}", "netns", b)
        for name, device, address in ((a, "eth0", f"{net}.2"), (b, f"to-{end}", f"{net}.1")):
            self.inside(name, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
            ip("-n", name, "link", "set", device, "up")
        ip("-n", a, "route", "add", "default", "via", f"{net}.1")
        # neighbours by hand: no ARP is counted
        macs = {(n, d): json.loads(ip("-j", "-n", n, "link", "show", d))[0]["address"]
                for n, d in ((a, "eth0"), (b, f"to-{end}"))}
        ip("-n", a, "neigh", "replace", f"{net}.1", "lladdr", macs[b, f"to-{end}"], "dev", "eth0", "nud", "permanent")
        ip("-n", b, "neigh", "replace", f"{net}.2", "lladdr", macs[a, "eth0"], "dev", f"to-{end}", "nud", "permanent")

    def counters(self, end, device):
        """(packets, bytes) of both directions."""
        stats = json.loads(ip("-j", "-s", "-n", self.ns[end], "link", "show", device))[0]["stats64"]
        return tuple(sum(stats[way][what] for way in ("rx", "tx")) for what in ("packets", "bytes"))

    def python(self, end, program, *args, **popen):
        return subprocess.Popen(["ip", "netns", "exec", self.ns[end], sys.executable, "-c", program, *args], text=True,
                                **popen)

    def traffic(self):
        """100 KB over TCP and 50 datagrams, from the client to the server."""
        server = self.python("s", RECEIVER, stdout=subprocess.PIPE)
        try:
            assert server.stdout.readline() == "ready\n"
            for args in (("tcp", "10.7.2.2", "100"), ("udp", "10.7.2.2", "50")):
                assert self.python("c", SENDER, *args).wait(LIMIT_S) == 0
        finally:
            server.kill()
            server.wait()
            server.stdout.close()


def wait_for_line(stream, what):
    """Read lines until one has `what` in it."""
    until, seen = time.monotonic() + LIMIT_S, ""
    while what not in seen:
        if not select.select([stream], [], [], max(0, until - time.monotonic()))[0]:
            raise TimeoutError(f"no {what!r} in {seen!r}")
        line = os.read(stream.fileno(), 4096).decode()
        if not line:
            raise RuntimeError(f"ended: {seen}")
        seen += line
    return seen


class Tap:
    """`crosscut features` on interfaces of one end, until stopped."""

    def __init__(self, crosscut, bed, end, interface="all"):
        args = [crosscut, "features", interface, "--netns", bed.ns[end], "-d", "0", "-w", "500ms", "-i", "100ms",
                "--columns", "extended", "--out", "-"]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        try:
            wait_for_line(self.process.stderr, "watching")
        except BaseException:
            self.kill()
            raise

    def rows(self):
        """Stop; every row."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=LIMIT_S)
        if self.process.returncode:
            raise RuntimeError(err.decode())
        return list(csv.DictReader(io.StringIO(out.decode())))

    def kill(self):
        self.process.kill()
        self.process.communicate()


def counted(rows):
    return tuple(sum(int(row[name]) for row in rows) for name in ("packet_count", "byte_count"))


def check_counts(crosscut, bed, end, interface, device):
    """What is in the rows is what the interface counted."""
    with contextlib.closing(Closing(Tap(crosscut, bed, end, interface))) as tap:
        before = bed.counters(end, device)
        bed.traffic()
        after = bed.counters(end, device)
        packets, octets = counted(tap.it.rows())
    wire_packets, wire_bytes = (b - a for a, b in zip(before, after))
    wire_bytes -= ETHERNET_BYTES * wire_packets
    assert wire_packets > 100, wire_packets
    assert (packets, octets) == (wire_packets, wire_bytes), (packets, octets, wire_packets, wire_bytes)


class Closing:
    """Kills a tap that is still there."""

    def __init__(self, tap):
        self.it = tap

    def close(self):
        if self.it.process.poll() is None:
            self.it.kill()


def test_one_interface(crosscut, bed):
    """packets and bytes equal the counters of the interface"""
    check_counts(crosscut, bed, "c", "eth0", "eth0")


def test_crossing(crosscut, bed):
    """a packet that crosses two interfaces counts once"""
    check_counts(crosscut, bed, "r", "all", "to-c")


def test_later_interface(crosscut, bed):
    """an interface that comes later is watched, and its flows are told"""
    with contextlib.closing(Closing(Tap(crosscut, bed, "c"))) as tap:
        name = bed.ns["c"]
        ip("-n", name, "link", "add", "late0", "type", "veth", "peer", "name", "late1")
        ip("-n", name, "addr", "add", "10.9.0.1/24", "dev", "late0")
        for device in ("late0", "late1"):
            ip("-n", name, "link", "set", device, "up")
        ip("-n", name, "neigh", "replace", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev", "late0", "nud", "permanent")
        until, programs = time.monotonic() + LIMIT_S, ""
        while "flow_out" not in programs and time.monotonic() < until:
            programs = bed.inside(name, "bpftool", "net", "show", "dev", "late0")
        bed.python("c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                        "[s.sendto(b'x', ('10.9.0.2', 9)) for _ in range(7)]").wait(LIMIT_S)
        rows = [row for row in tap.it.rows() if row["dst_ip"] == "10.9.0.2"]
    assert counted(rows) == (7, 7 * 29), rows


def test_killed(crosscut, bed):
    """killed, it leaves nothing on the interface"""
    tap = Tap(crosscut, bed, "c", "eth0")
    tap.kill()
    until, programs = time.monotonic() + LIMIT_S, "flow_in"
    while "flow_in" in programs and time.monotonic() < until:  # links are closed a moment later
        programs = bed.inside(bed.ns["c"], "bpftool", "net", "show", "dev", "eth0")
    assert "flow_in" not in programs, programs


def total(rows, name):
    return sum(int(row[name]) for row in rows)


def test_retransmissions(crosscut, bed):
    """segments sent again, as the kernel tells them, are those seen on the wire twice"""
    bed.inside(bed.ns["r"], "nft", "add table ip t; add chain ip t c { type filter hook forward priority 0; };"
                                   "add rule ip t c tcp dport 7000 tcp flags & (syn|fin) == 0 numgen inc mod 11 == 3 drop")
    with contextlib.closing(Closing(Tap(crosscut, bed, "c", "eth0"))) as tap:
        bed.traffic()
        rows = tap.it.rows()
    told, seen = total(rows, "kernel_retransmissions"), total(rows, "seen_retransmissions")
    assert told > 0 and told == seen, (told, seen)


def test_blocked(crosscut, bed):
    """what a rule drops before it reaches an interface has a row, too"""
    bed.inside(bed.ns["c"], "nft", "add table ip t; add chain ip t c { type filter hook output priority 0; };"
                                   "add rule ip t c udp dport 7001 drop")
    with contextlib.closing(Closing(Tap(crosscut, bed, "c", "eth0"))) as tap:
        bed.python("c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                        "for _ in range(5):\n"
                        "    try: s.sendto(b'x', ('10.7.2.2', 7001))\n"
                        "    except PermissionError: pass").wait(LIMIT_S)
        rows = [row for row in tap.it.rows() if row["dst_port"] == "7001"]
    assert rows and not total(rows, "packet_count") and total(rows, "policy_drops") == 5, rows


def test_unknown(crosscut, bed):
    """an interface that is not there is refused, with the names of those that are"""
    args = [crosscut, "features", "eth9", "--netns", bed.ns["c"], "-d", "1", "--out", "-"]
    done = subprocess.run(args, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode and "eth0" in done.stderr and "lo" in done.stderr, done


def main():
    if os.geteuid() or len(sys.argv) < 2:
        print("1..0 # SKIP needs root and a crosscut")
        return 0
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    tests = [v for k, v in globals().items() if k.startswith("test_")]
    bad = 0
    print(f"1..{len(tests)}")
    crosscut = str(pathlib.Path(sys.argv[1]).resolve())
    for n, test in enumerate(tests, 1):
        try:
            with Bed() as bed:
                test(crosscut, bed)
            print(f"ok {n} - {test.__doc__}", flush=True)
        except Exception as why:  # each test is told, whatever went wrong in it
            bad += 1
            print(f"not ok {n} - {test.__doc__}\n# {type(why).__name__}: {why}", flush=True)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
