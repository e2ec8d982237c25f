# SPDX-License-Identifier: Apache-2.0
"""What the stream probe tells of sockets in namespaces made here, against what they sent. TAP; needs root.

test_stream.py CROSSCUT SEGMENTS
"""
import collections
import contextlib
import hashlib
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "captures"))

import frames  # noqa: E402

LIMIT_S = 30
CAP = 4096  # bytes told of one packet
ANY = 0xffffffff  # no budget
BYTES, SKIP, NOTHING = range(3)  # enum xc_policy_mode
FIN, SYN, RST, ACK = 1, 2, 4, 16
LOST_RING, LOST_BUDGET = 1, 2
SERVER = """
import os, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.create_server((sys.argv[1], 7000), family=family)
print(os.getpid(), flush=True)
def take(n):
    data = b""
    while len(data) < n:
        got = c.recv(n - len(data))
        assert got
        data += got
    return data
if "fork" in sys.argv:
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        sys.exit()
    print(os.getpid(), flush=True)
c = listener.accept()[0]
listener.close()
n = int(sys.argv[2])
while sys.stdin.readline() and (got := take(n)):
    c.sendall(got[::-1])
    print("sent", flush=True)
"""
CLIENT = """
import os, socket, sys
c = socket.create_connection((sys.argv[1], 7000))
print(os.getpid(), flush=True)
n = int(sys.argv[2])
def pattern(n, seed):
    return bytes((i * 7 + (i >> 8) * 13 + seed) & 255 for i in range(n))
for seed, line in enumerate(sys.stdin):
    if line == "close unread\\n":
        break
    sent = pattern(n, seed)
    c.sendall(sent)
    if line == "send\\n":
        print("sent", flush=True)
        continue
    got = b""
    while len(got) < n:
        got += c.recv(n - len(got))
    assert got == sent[::-1]
    print("done", flush=True)
c.close()
"""
DATAGRAMS = """
import os, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server, client = (socket.socket(family, socket.SOCK_DGRAM) for _ in "sc")
server.bind((sys.argv[1], 7001))
print(os.getpid(), flush=True)
for data in (b"question", b"x" * 1400):
    client.sendto(data, (sys.argv[1], 7001))
    got, peer = server.recvfrom(2000)
    server.sendto(got[::-1], peer)
    assert client.recv(2000) == data[::-1]
"""


def pattern(n, seed):
    return bytes((i * 7 + (i >> 8) * 13 + seed) & 255 for i in range(n))


def ip(*args):
    return subprocess.run(["ip", *args], check=True, capture_output=True, text=True, timeout=LIMIT_S).stdout


class Talker:
    """A program in a namespace that is told what to do, a line each, and answers with a line."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.rest = b""

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def line(self):
        """The next line; fails after LIMIT_S."""
        until = time.monotonic() + LIMIT_S
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError(f"no line from {self.process.args}")
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise RuntimeError(f"{self.process.args} ended: {self.process.wait(LIMIT_S)}")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def end(self):
        self.process.stdin.close()
        self.process.wait(LIMIT_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Reader(Talker):
    """tests/bpf/segments.c on a namespace; what it tells is kept."""

    def __init__(self, bed, *args, netns=None):
        super().__init__([bed.segments, "--netns", netns or bed.ns, *args])
        self.told = []
        self.wait(lambda e: e["what"] == "ready")

    def wait(self, holds):
        """Read up to the record that @holds; it is the last in told."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            e = json.loads(self.line())
            if "data" in e:
                e["data"] = bytes.fromhex(e["data"])
            self.told.append(e)
            if holds(e):
                return e
        raise TimeoutError(f"not told, after {self.told[-1]}")

    def wait_closed(self, n):
        for _ in range(n):
            self.wait(lambda e: e["what"] == "closed")

    def want(self, cookie, is_outbound, mode, until=0):
        self.say(f"want {cookie} {int(is_outbound)} {mode} {until % 2 ** 32}")
        self.wait(lambda e: e["what"] == "wanted")

    def packets(self, cookie=None, out=None):
        return [e for e in self.told if e["what"] == "packet" and (cookie is None or e["cookie"] == cookie) and
                (out is None or e["out"] == out)]

    def syn(self, out):
        return next(e for e in self.packets(out=out) if e["flags"] & (SYN | ACK) == SYN)


class Bed:
    """A namespace with nothing but lo, whose segments are small unless it is @big."""

    def __init__(self, segments):
        digest = hashlib.sha256(f"{os.getpid()} {time.monotonic_ns()}".encode()).hexdigest()[:8]
        self.ns, self.segments = f"xc-{digest}-a", segments
        self.open = contextlib.ExitStack()

    def __enter__(self):
        self.add(self.ns)
        return self

    def __exit__(self, *why):
        self.open.close()

    def add(self, name):
        self.open.callback(subprocess.run, ["ip", "netns", "del", name], check=False, capture_output=True)
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        self.inside("ethtool", "-K", "lo", "tso", "off", "gso", "off", netns=name)
        ip("-n", name, "link", "set", "lo", "mtu", "1500")

    def inside(self, *args, netns=None):
        return subprocess.run(["ip", "netns", "exec", netns or self.ns, *args], check=True, capture_output=True,
                              text=True, timeout=LIMIT_S).stdout

    def python(self, program, *args, netns=None):
        command = ["ip", "netns", "exec", netns or self.ns, sys.executable, "-c", program, *map(str, args)]
        return self.open.enter_context(contextlib.closing(Talker(command)))

    def reader(self, *args, **more):
        return self.open.enter_context(contextlib.closing(Reader(self, *args, **more)))

    def read(self, path):
        """What a file holds."""
        done = subprocess.run([self.segments, path], check=True, capture_output=True, text=True, timeout=LIMIT_S)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def pair(self, address, n, *args, **more):
        """A connected server and client, and their process ids."""
        server = self.python(SERVER, address, n, *args, **more)
        pids = [int(server.line()) for _ in range(1 + ("fork" in args))]
        client = self.python(CLIENT, address, n, **more)
        return server, client, pids, int(client.line())


def turn(server, client):
    """One request and its answer."""
    server.say("answer")
    client.say("ask")
    assert client.line() == "done" and server.line() == "sent"


def finish(server, client):
    client.end()
    server.end()


def check_direction(packets, start, data):
    """@packets tell all of @data, as far as each of them may, and leave nothing out; some may be sent again."""
    end = 0
    for e in packets:
        at = (e["seq"] - start) % 2 ** 32
        assert at <= end, (at, end)
        assert e["n"] == min(e["wire"], CAP), e
        assert e["data"] == data[at:at + e["n"]], e
        end = max(end, at + e["wire"])
    assert end == len(data), (end, len(data))


def check_conversation(reader, syn, data, answer):
    """Both directions of the socket whose SYN this is, its counters and its end."""
    cookie, out = syn["cookie"], syn["out"]
    synack = next(e for e in reader.packets(cookie) if e["flags"] & (SYN | ACK) == SYN | ACK)
    closed = [e for e in reader.told if e["what"] == "closed" and e["cookie"] == cookie]
    fins = [e for e in reader.packets(cookie) if e["flags"] & FIN]
    for way, start, sent in ((out, syn["seq"], data), (not out, synack["seq"], answer)):
        check_direction([e for e in reader.packets(cookie, int(way)) if e["wire"]], start + 1, sent)
    assert len(closed) == 1 and reader.told.index(closed[0]) > max(map(reader.told.index, reader.packets(cookie)))
    # on a busy machine segments are sent again, and count again
    assert closed[0]["bytes"] == [sum(e["wire"] for e in reader.packets(cookie, way)) for way in (1, 0)], closed
    assert closed[0]["flags"] == 0 and closed[0]["lost"] == 0 and any(e["out"] for e in fins), (closed, fins)
    assert [e["first"] for e in reader.packets(cookie)].count(1) == 1 and syn["first"]


def conversation(bed, address, n):
    """One connection with two requests, read at both of its sockets."""
    reader = bed.reader("--budget", str(ANY))
    server, client, pids, client_pid = bed.pair(address, n)
    turn(server, client)
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    data = pattern(n, 0) + pattern(n, 1)
    answer = pattern(n, 0)[::-1] + pattern(n, 1)[::-1]
    for out in (1, 0):
        check_conversation(reader, reader.syn(out), data, answer)
    owners = {e["out"]: {p["tgid"] for p in reader.packets(e["cookie"])} for e in (reader.syn(0), reader.syn(1))}
    assert owners == {1: {client_pid}, 0: {pids[0]}}, (owners, client_pid, pids)
    ends = [e for e in reader.told if e["what"] == "closed"]
    a, b = (next(e["packets"] for e in ends if e["cookie"] == reader.syn(out)["cookie"]) for out in (1, 0))
    if ends[0]["bytes"] == [len(data), len(answer)]:
        # TIME_WAIT is no socket: what it sends and, when the peer is slow, the peer's FIN are not seen
        assert b[0] - a[1] in (0, 1) and b[1] - a[0] in (0, 1), (a, b)
    return reader


def test_small(bed):
    """small messages over IPv4: every byte, sequence numbers, counters, owners"""
    conversation(bed, "127.0.0.1", 20)


def test_large(bed):
    """large messages over IPv6: every byte of many packets"""
    reader = conversation(bed, "::1", 60000)
    arrived = [e["wire"] for e in reader.packets(out=0)]  # what leaves is not cut into segments yet
    assert max(arrived) < CAP and sum(arrived) >= 4 * 60000, arrived


def test_super_packets(bed):
    """a super-packet comes in many records, and counts as the segments it stands for"""
    bed.inside("ethtool", "-K", "lo", "tso", "on", "gso", "on")
    ip("-n", bed.ns, "link", "set", "lo", "mtu", "65536")
    reader = conversation(bed, "127.0.0.1", 200000)
    ends = [e for e in reader.told if e["what"] == "closed"]
    assert len(reader.packets()) > 2 * sum(sum(e["packets"]) for e in ends), ends


def test_datagrams(bed):
    """UDP: all of it, one cookie for each socket and peer, owners once the socket has sent"""
    for address in ("127.0.0.1", "::1"):
        reader = bed.reader()
        talker = bed.python(DATAGRAMS, address)
        pid = int(talker.line())
        last = reader.wait(lambda e: e["what"] == "packet" and e["packets"] == [2, 2] and not e["out"])
        told = reader.packets()
        assert [e["data"] for e in told if e["out"] and e["to"].endswith("7001")] == [b"question", b"x" * 1400], told
        assert len({e["cookie"] for e in told}) == 2 and last["bytes"] == [1408, 1408], told
        assert {e["tgid"] for e in told if e["out"]} == {pid} and {e["proto"] for e in told} == {17}, told
        reader.close()


def test_ping(bed):
    """echoes are a flow without payload, of who asks"""
    reader = bed.reader()
    bed.inside("ping", "-c", "1", "127.0.0.1")
    told = reader.wait(lambda e: e["what"] == "totals" and e["proto"] == 1)
    assert told["comm"] == "ping" and told["first"] and told["bytes"][0] == 64 - 8 and not told["n"], told


def test_worker(bed):
    """an accepted socket belongs to who listens, until another process sends from it"""
    reader = bed.reader()
    server, client, (master, worker), _ = bed.pair("127.0.0.1", 10, "fork")
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    told = reader.packets(reader.syn(0)["cookie"])
    request, answer = (next(e for e in told if e["wire"] and e["out"] == out) for out in (0, 1))
    assert request["tgid"] == master and not request["tid"], (request, master)
    assert answer["tgid"] == worker and answer["tid"] == worker, (answer, worker)


def test_one_end(bed):
    """of a connection within the scope one end is told, and of the other who it is and when it ends"""
    reader = bed.reader("--one-end", "--budget", str(ANY))
    server, client, (_, worker), _ = bed.pair("127.0.0.1", 20, "fork")
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    check_conversation(reader, reader.syn(1), pattern(20, 0), pattern(20, 0)[::-1])
    told = [e for e in reader.told if e.get("cookie") == reader.syn(0)["cookie"]]
    assert [e["what"] for e in told] == ["packet", "totals", "closed"] and all(e["silent"] for e in told), told
    assert told[1]["tgid"] == worker, told
    reader.close()
    server = bed.python(SERVER, "127.0.0.1", 20)
    reader = bed.reader("--one-end", "--budget", str(ANY), "--pid", server.line())
    client = bed.python(CLIENT, "127.0.0.1", 20)
    assert client.line()
    turn(server, client)
    finish(server, client)
    reader.wait_closed(1)
    check_conversation(reader, reader.syn(0), pattern(20, 0), pattern(20, 0)[::-1])
    assert not any(e["silent"] for e in reader.told if "silent" in e)


def test_older_socket(bed):
    """a connection that is older than the reader has its owner, and no beginning"""
    server, client, (pid,), client_pid = bed.pair("127.0.0.1", 10)
    turn(server, client)
    reader = bed.reader()
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    told = [e for e in reader.packets() if e["data"]]
    assert {e["data"] for e in told} == {pattern(10, 1), pattern(10, 1)[::-1]}, told
    assert not any(e["open"] for e in told) and {e["tgid"] for e in told} == {pid, client_pid}, told


def test_early_data(bed):
    """data that ends a handshake is the child's"""
    bed.inside("nft", "add table inet t; add chain inet t o { type filter hook output priority 0; };"
                      "add rule inet t o tcp dport 7000 tcp flags == ack meta length < 60 drop")
    reader = bed.reader()
    server, client, _, _ = bed.pair("127.0.0.1", 10)
    client.say("ask")
    server.say("answer")
    assert client.line() == "done"
    reader.wait(lambda e: e["what"] == "packet" and not e["out"] and e["data"] == pattern(10, 0))
    syn = reader.syn(0)
    told = [e for e in reader.packets(syn["cookie"], 0) if e["wire"]]
    assert [(e["data"], e["seq"]) for e in told] == [(pattern(10, 0), (syn["seq"] + 1) % 2 ** 32)], told
    server.close()
    client.close()


def test_scope(bed):
    """nothing of another namespace, and nothing of another process"""
    other = bed.ns[:-1] + "b"
    bed.add(other)
    reader = bed.reader()
    for netns in (other, bed.ns):
        server, client, _, pid = bed.pair("127.0.0.1", 10, netns=netns)
        turn(server, client)
        finish(server, client)
    reader.wait_closed(2)
    inum = int(bed.inside("stat", "-Lc", "%i", "/proc/self/ns/net"))
    told = [e for e in reader.told if "netns" in e]
    assert {e["netns"] for e in told} == {inum} and len({e["cookie"] for e in told}) == 2, told
    server, client, _, pid = bed.pair("127.0.0.1", 10)
    narrow = bed.reader("--pid", str(pid))
    turn(server, client)
    finish(server, client)
    narrow.wait_closed(1)
    told = [e for e in narrow.told if "tgid" in e]
    assert {e["tgid"] for e in told} == {pid} and len({e["cookie"] for e in told}) == 1, told


def test_budget(bed):
    """while nobody has said what is wanted a full ring takes the first 4096 bytes of a direction; the loss is told"""
    reader = bed.reader("--ring", "65536")
    server, client, _, _ = bed.pair("127.0.0.1", 3000)
    syn = reader.wait(lambda e: e["what"] == "packet" and e["out"] and e["flags"] & SYN)
    reader.say("pause")
    reader.wait(lambda e: e["what"] == "paused")
    for _ in range(10):
        turn(server, client)
    reader.say("go on")
    reader.wait(lambda e: e["what"] == "tick")
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    sent = [e for e in reader.packets(syn["cookie"], 1) if e["wire"]]
    told = b"".join(e["data"] for e in sent)
    holes = list(holes_in(sent))
    assert told[:CAP] == (pattern(3000, 0) + pattern(3000, 1))[:CAP] and told[-3000:] == pattern(3000, 10), sent
    assert len(told) < 33000 and holes and all(e["lost"] & LOST_BUDGET for e in holes), (len(told), holes)


def test_wanted(bed):
    """what is skipped, or not wanted, stays in the kernel; what follows a skip comes from its first byte on"""
    reader = bed.reader()
    server, client, _, _ = bed.pair("127.0.0.1", 10000)
    syn = reader.wait(lambda e: e["what"] == "packet" and e["out"] and e["flags"] & SYN)
    n_before = len(reader.packets())
    reader.want(syn["cookie"], True, SKIP, syn["seq"] + 1 + 7777)
    reader.want(syn["cookie"], False, NOTHING)
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    told = reader.packets(syn["cookie"])[1:]
    sent = [e for e in told if e["out"] and e["wire"]]
    assert b"".join(e["data"] for e in sent) == pattern(10000, 0)[7777:] and n_before, sent
    assert sent[0]["seq"] == (syn["seq"] + 1 + 7777) % 2 ** 32 and not any(e["lost"] for e in told), sent
    assert not any(e["n"] for e in told if not e["out"]), told
    ends = [e["bytes"] for e in reader.told if e["what"] == "closed" and e["cookie"] == syn["cookie"]]
    assert ends == [[10000, 10000]], ends


def test_skip_to_end(bed):
    """the packet that ends where a skip does comes without data"""
    reader = bed.reader()
    server, client, _, _ = bed.pair("127.0.0.1", 900)
    syn = reader.wait(lambda e: e["what"] == "packet" and e["out"] and e["flags"] & SYN)
    reader.want(syn["cookie"], True, SKIP, syn["seq"] + 1 + 900)
    turn(server, client)
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    sent = [e for e in reader.packets(syn["cookie"], 1) if e["wire"]]
    assert [(e["wire"], e["data"]) for e in sent] == [(900, b""), (900, pattern(900, 1))], sent


def test_totals(bed):
    """while packets pass untold their counters come, at most once a second"""
    reader = bed.reader()
    server, client, _, _ = bed.pair("127.0.0.1", 100)
    syn = reader.wait(lambda e: e["what"] == "packet" and e["out"] and e["flags"] & SYN)
    for out in (True, False):
        reader.want(syn["cookie"], out, NOTHING)
    until, rounds = time.monotonic() + 2.5, 0
    while time.monotonic() < until:
        turn(server, client)
        rounds += 1
    finish(server, client)
    reader.wait_closed(2)
    told = [e for e in reader.told if e["what"] == "totals" and e["cookie"] == syn["cookie"]]
    assert 1 <= len(told) <= 3 and 0 < told[0]["bytes"][0] < rounds * 100, told


def holes_in(packets):
    """Packets of one direction with nothing told of the bytes right before them."""
    end = None
    for e in packets:
        if end is not None and 0 < (e["seq"] - end) % 2 ** 32 < 2 ** 31:
            yield e
        end = (e["seq"] + e["wire"] + bool(e["flags"] & SYN)) % 2 ** 32


def test_ring_loss(bed):
    """records that found the ring full are told of by the next one of their socket, and counted"""
    reader = bed.reader("--budget", str(ANY), "--ring", "65536")
    server, client, _, _ = bed.pair("127.0.0.1", 8000)
    reader.wait(lambda e: e["what"] == "packet" and e["out"] and e["flags"] & SYN)
    reader.say("pause")
    reader.wait(lambda e: e["what"] == "paused")
    for _ in range(8):
        turn(server, client)
    reader.say("go on")
    reader.wait(lambda e: e["what"] == "tick" and e["lost"])
    turn(server, client)
    finish(server, client)
    reader.wait_closed(2)
    holes = [hole for syn in (reader.syn(0), reader.syn(1)) for out in (0, 1)
             for hole in holes_in(reader.packets(syn["cookie"], out))]
    assert holes and all(e["lost"] & LOST_RING for e in holes), holes


def test_given_up(bed):
    """a socket closed with data unread says so"""
    reader = bed.reader()
    server, client, _, _ = bed.pair("127.0.0.1", 100)
    server.say("answer")
    client.say("send")
    assert client.line() == "sent" and server.line() == "sent"
    client.say("close unread")
    client.end()
    server.close()
    reader.wait_closed(2)
    closed = {e["cookie"]: e for e in reader.told if e["what"] == "closed"}
    assert closed[reader.syn(1)["cookie"]]["flags"] == RST and not closed[reader.syn(0)["cookie"]]["flags"], closed
    assert any(e["flags"] & RST for e in reader.packets(reader.syn(0)["cookie"], 0)), reader.packets()


def watcher(bed, *args):
    """crosscut, watching."""
    process = subprocess.Popen([bed.crosscut, *args, "--netns", bed.ns, "--duration", "30s"], stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
    bed.open.callback(process.stderr.close)
    bed.open.callback(process.wait)
    bed.open.callback(process.kill)
    assert any("watching" in line for line in iter(process.stderr.readline, ""))
    return process


def programs_of(pid):
    """Names of the BPF programs a process holds."""
    ids = set()
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            ids |= {int(line.split()[1]) for line in info.read_text().splitlines() if line.startswith("prog_id:")}
    done = subprocess.run(["bpftool", "-j", "prog", "show"], check=True, capture_output=True, text=True)
    return {p.get("name", "") for p in json.loads(done.stdout) if p["id"] in ids}


def test_recording(bed):
    """record --payload keeps it, and a recording hands it on; without the option it is not even loaded"""
    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/r.xcr"
        plain = watcher(bed, "record", "--output", f"{place}/plain.xcr")
        assert not any(name.startswith("stream_") for name in programs_of(plain.pid)), programs_of(plain.pid)
        process = watcher(bed, "record", "--output", path, "--payload")
        server, client, _, _ = bed.pair("127.0.0.1", 3000)
        turn(server, client)
        finish(server, client)
        until, told = time.monotonic() + LIMIT_S, []
        while [e["what"] for e in told].count("closed") < 2 and time.monotonic() < until:
            told = bed.read(path)  # it is written once a second
        process.terminate()
        process.wait(LIMIT_S)
        assert told == bed.read(path)[:len(told)]
    assert sum(e.get("n", 0) for e in told) == 2 * 3000, [e["what"] for e in told]  # one end of it


def test_capture(bed):
    """a capture is told packet by packet: every byte, no cookie, no fragment of a datagram"""
    packets = [frames.ip4(frames.tcp(4000, 80, 100, 0, frames.SYN)),
               frames.ip4(frames.tcp(4000, 80, 101, 500, frames.ACK, b"x" * 9000), total=9040),
               frames.ip6(frames.udp(4000, 53, b"question"), frames.UDP),
               frames.ip4(frames.udp(4000, 53, b"part"), frames.UDP, fragment=0x2000)]
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place, "c.pcap")
        path.write_bytes(frames.pcap([(n * frames.S, frames.ethernet(p)) for n, p in enumerate(packets, 1)]))
        told = [e for e in bed.read(str(path)) if e["what"] == "packet"]
    assert [(e["proto"], e["wire"], e["n"], e["cookie"]) for e in told] == [
        (6, 0, 0, 0), (6, 9000, 9000, 0), (17, 8, 8, 0)], told


TLS_SERVER = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/cert", sys.argv[1] + "/key")
listener = socket.create_server(("127.0.0.1", 7443))
print("ready", flush=True)
c = context.wrap_socket(listener.accept()[0], server_side=True)
data = b""
while len(data) < 1000:
    data += c.read(300)
c.write(data[::-1] * 20)
c.close()
"""
TLS_CLIENT = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
print("ready", flush=True)
sys.stdin.readline()
c = context.wrap_socket(socket.create_connection(("127.0.0.1", 7443)))
c.write(bytes(i & 255 for i in range(1000)))
got = b""
while len(got) < 20000:
    got += c.read(20000)
print("done", flush=True)
c.close()
"""


def plaintext(reader, cookie, out):
    """What the library was given (@out) or gave, put together; the first record is as a SYN is."""
    told = [e for e in reader.told if e["what"] == "plaintext" and e["cookie"] == cookie and e["out"] == out]
    assert told[0]["flags"] & SYN and told[0]["seq"] == 2 ** 32 - 1, told[0]
    assert [e["seq"] for e in told[1:]] == [sum(e["wire"] for e in told[:i]) for i in range(1, len(told))], told
    return b"".join(e["data"] for e in told)


def links_of(pid):
    """How many links of which type the process holds."""
    found = collections.Counter()
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        found.update(re.findall(r"^link_type:\t(\w+)$", path.read_text(encoding="ascii"), re.M))
    return found


def has_links_to_uprobes():
    """Since 6.6."""
    return " bpf_uprobe_multi_link_attach\n" in pathlib.Path("/proc/kallsyms").read_text(encoding="ascii")


def test_plaintext(bed):
    """--tls-uprobes: what passes through OpenSSL at both ends, joined to its socket"""
    with tempfile.TemporaryDirectory() as place:
        bed.inside("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout",
                   f"{place}/key", "-out", f"{place}/cert")
        server, client = bed.python(TLS_SERVER, place), bed.python(TLS_CLIENT)
        assert (server.line(), client.line()) == ("ready", "ready")
        reader = bed.reader("--tls", "all")
        links = links_of(reader.process.pid)
        kinds = ("uprobe_multi", "uretprobe_multi") if has_links_to_uprobes() else ("perf",)
        assert sum(links[kind] for kind in kinds) >= 11, links
        client.say("go")
        assert client.line() == "done"
        reader.wait_closed(2)
    sent = bytes(i & 255 for i in range(1000))
    for end in (1, 0):
        cookie = reader.syn(end)["cookie"]
        assert plaintext(reader, cookie, end) == sent and plaintext(reader, cookie, 1 - end) == sent[::-1] * 20
    assert not any(sent in e["data"] for e in reader.packets())


def test_why(bed):
    """why loads no program that reads payload"""
    process = watcher(bed, "why")
    names = programs_of(process.pid)
    assert "sock_state" in names and not any(name.startswith("stream_") for name in names), names


def test_requests_alone(bed):
    """who wants payload alone loads no program of why"""
    reader = bed.reader()
    names = programs_of(reader.process.pid)
    assert {"stream_in", "stream_out", "scan_files"} <= names, names
    assert not {"sock_state", "drop_btf", "reset_btf", "proc_exit"} & names, names


def main():
    if os.geteuid() or len(sys.argv) < 3:
        print("1..0 # SKIP needs root, a crosscut and its segments")
        return 0
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    chosen = sys.argv[3:]
    tests = [v for k, v in globals().items() if k.startswith("test_") and (not chosen or k in chosen)]
    bad = 0
    print(f"1..{len(tests)}")
    crosscut, segments = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:3])
    for n, test in enumerate(tests, 1):
        try:
            with Bed(segments) as bed:
                bed.crosscut = crosscut
                test(bed)
            print(f"ok {n} - {test.__doc__}", flush=True)
        except Exception as why:  # each test is told, whatever went wrong in it
            bad += 1
            print(f"not ok {n} - {test.__doc__}\n# {type(why).__name__}: {why}"[:3000], flush=True)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
