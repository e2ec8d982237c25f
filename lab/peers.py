# SPDX-License-Identifier: Apache-2.0
"""What the client and the server of a scenario do, as small functions.

Each runs as a process of its own in a role (Role.start, Role.call) and gets its Control first. What the
application saw comes back as plain data: {"result": "ok" | "timeout" | "closed" | errno name,
"phase": ..., "after_ms": ..., "at_ns": CLOCK_MONOTONIC of that moment}.
"""
import contextlib
import errno
import os
import resource
import select
import selectors
import signal
import socket
import struct
import threading
import time

from topology import now_ns, wait_for

TCP_CLOSE = 7  # linux/tcp_states.h
NO_LINGER = struct.pack("ii", 1, 0)  # struct linger: on, 0 s: close() sends a reset


class Closed(Exception):
    """The peer closed the connection before it answered."""


def reason(error):
    """What the application would print: an errno name, 'timeout' (its own patience) or 'closed'."""
    if isinstance(error, Closed):
        return "closed"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "timeout"  # the application gave up; the kernel's own would carry ETIMEDOUT
    return errno.errorcode.get(error.errno, str(error))


class Story:
    """Steps an application takes, until one fails."""

    def __init__(self):
        self.start_ns, self.phase, self.result, self.end_ns, self.more = now_ns(), "start", "ok", None, {}

    @contextlib.contextmanager
    def step(self, phase):
        if self.result != "ok":
            yield
            return
        self.phase, self.start_ns = phase, now_ns()
        try:
            yield
        except (OSError, Closed) as error:
            self.result = reason(error)
        self.end_ns = now_ns()

    @property
    def ok(self):
        return self.result == "ok"

    def told(self, **more):
        end_ns = self.end_ns or now_ns()
        return {"result": self.result, "phase": self.phase, "at_ns": end_ns,
                "after_ms": round((end_ns - self.start_ns) / 1e6, 1), **self.more, **more}


def tcp_socket(flow, timeout=None):
    sock = socket.socket(flow.socket_family, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    return sock


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(min(size - len(data), 1 << 16))
        if not part:
            raise Closed
        data += part
    return data


# ---- clients ------------------------------------------------------------------------------------

def connect(_ctl, flow, timeout, ask=0, ttl=None, source=None):
    """Connect (from the address `source`); with `ask`, send that many bytes and read as many back."""
    story, sock = Story(), tcp_socket(flow, timeout)
    if ttl:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    with story.step("bind"):
        if source:
            sock.bind((source, 0))
    with story.step("connect"):
        sock.connect((flow.server, flow.port))
    exchange(story, sock, ask)
    sock.close()
    return story.told()


def exchange(story, sock, ask):
    if not story.ok or not ask:
        return
    with story.step("send"):
        sock.sendall(os.urandom(ask))
    if story.ok:
        with story.step("receive"):
            read_exactly(sock, ask)


def session(ctl, flow, timeout, then="ask", size=200, options=()):
    """Connect, exchange a few bytes, say ready; on 'go' do what `then` names and tell how it went.

    options: (level, name, value) to set on the connected socket.
    """
    sock = tcp_socket(flow, 3)
    sock.connect((flow.server, flow.port))
    sock.sendall(b"hello")
    read_exactly(sock, 5)
    for option in options:
        sock.setsockopt(*option)
    sock.settimeout(timeout)
    ctl.ready(sock.getsockname()[1])
    size = ctl.await_go() or size
    story = Story()
    THEN[then](story, sock, size)
    if then != "close":
        sock.close()
    return story.told()


def then_wait(story, sock, _size):
    with story.step("receive"):
        if not sock.recv(1):
            raise Closed


def then_close(story, sock, _size):
    with story.step("close"):
        sock.close()


def then_poke(story, sock, size):
    """Send, let the answer to that arrive, send again: the second one meets the peer's reset."""
    with story.step("send"):
        sock.sendall(os.urandom(size))
    if story.ok:
        wait_hangup(sock)
        with story.step("send again"):
            sock.sendall(os.urandom(size))


def wait_hangup(sock, timeout=1.0):
    """Wait until the socket reports an error or a hang-up (POLLHUP), not mere readability."""
    poll = select.poll()
    poll.register(sock, 0)
    return bool(poll.poll(timeout * 1000))


def then_idle(story, sock, size):
    """Be idle for as long as one would wait for an answer, then ask after all."""
    idle = sock.gettimeout()
    with story.step("idle"):
        readable, _, _ = select.select([sock], [], [], idle)
        if readable:
            raise Closed
    exchange(story, sock, size)


THEN = {"ask": exchange, "wait": then_wait, "close": then_close, "poke": then_poke, "idle": then_idle}


def hold(ctl, flow, count, timeout=2.0):
    """Open `count` connections, say ready and keep them open until killed."""
    socks = []
    for _ in range(count):
        socks.append(tcp_socket(flow, timeout))
        socks[-1].connect((flow.server, flow.port))
    ctl.ready(len(socks))
    ctl.await_go()


def burst(ctl, flow, count, timeout, ask=32):
    """Start `count` connections at once and ask on each; tells the last one that failed, and how many."""
    stories, socks = [Story() for _ in range(count)], [tcp_socket(flow) for _ in range(count)]
    until = time.monotonic() + timeout
    for sock in socks:
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect((flow.server, flow.port))
    for phase, act in (("connect", lambda s: s.sendall(os.urandom(ask))),  # returns after the handshake
                       ("receive", lambda s: read_exactly(s, ask))):
        for story, sock in zip(stories, socks):
            sock.settimeout(max(0.001, until - time.monotonic()))
            begun = story.start_ns
            with story.step(phase):
                act(sock)
            story.start_ns = begun  # the application counts from its connect()
    bad = [story for story in stories if not story.ok]
    return (bad or stories)[-1].told(failed=len(bad), of=count)


def upload(ctl, flow, total, timeout):
    """Connect, say ready, on 'go' send `total` bytes and wait for the server's one-byte answer."""
    sock = tcp_socket(flow, 3)
    sock.connect((flow.server, flow.port))
    ctl.ready()
    ctl.await_go()
    story = Story()
    sock.settimeout(timeout)
    with story.step("upload"):
        send_within(sock, total, timeout)
        sock.shutdown(socket.SHUT_WR)
        read_exactly(sock, 1)
    sock.close()
    return story.told()


def send_within(sock, total, timeout):
    """sendall() whose time-out covers the whole of it and not each step."""
    block, until = b"z" * 65536, time.monotonic() + timeout
    while total > 0:
        sock.settimeout(max(0.001, until - time.monotonic()))
        total -= sock.send(block[:total])


def chat(ctl, flow, seconds, ask=4000):
    """Connect, say ready; on 'go' ask and read the answer again and again for `seconds`."""
    sock = tcp_socket(flow, 3)
    sock.connect((flow.server, flow.port))
    ctl.ready()
    ctl.await_go()
    story, until, rounds, slowest = Story(), time.monotonic() + seconds, 0, 0.0
    sock.settimeout(seconds)
    while story.ok and time.monotonic() < until:
        begin = time.monotonic()
        exchange(story, sock, ask)
        slowest = max(slowest, time.monotonic() - begin)
        rounds += 1
    sock.close()
    return story.told(rounds=rounds, slowest_ms=round(slowest * 1000, 1))


def udp_ask(ctl, flow, timeout, connected=True, times=1):
    """Send a datagram and wait for the answer, `times` times."""
    story = Story()
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        if connected:
            sock.connect((flow.server, flow.port))
        for _ in range(times):
            with story.step("ask"):
                if connected:
                    sock.send(b"question")
                else:
                    sock.sendto(b"question", (flow.server, flow.port))
                sock.recv(2048)
    return story.told()


def udp_burst(ctl, flow, count, size):
    """Send `count` datagrams as fast as possible; nothing is expected back."""
    story = Story()
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.connect((flow.server, flow.port))
        with story.step("send"):
            for _ in range(count):
                sock.send(b"u" * size)
    return story.told(sent=count)


def syn_flood(ctl, flow, sources, base):
    """One SYN from each of `sources` spoofed addresses base.1, base.2, ... (IPv4)."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for i in range(sources):
            packet = syn_packet(f"{base}.{i % 250 + 1}", 20000 + i, flow)
            raw.sendto(packet, (flow.server, 0))
    return {"result": "ok", "sent": sources, "after_ms": 0, "at_ns": now_ns()}


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def syn_packet(source, sport, flow):
    """A bare IPv4 SYN; the kernel fills in the IP checksum (raw(7))."""
    src, dst = socket.inet_aton(source), socket.inet_aton(flow.server)
    fields = (sport, flow.port, sport * 7919, 0, 5 << 4, 2, 1024)
    tcp = struct.pack("!HHIIBBHHH", *fields, 0, 0)
    pseudo = src + dst + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = struct.pack("!HHIIBBHHH", *fields, checksum(pseudo + tcp), 0)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, sport, 0, 64, socket.IPPROTO_TCP, 0, src, dst)
    return head + tcp


def udp_spread(ctl, flow, count):
    """`count` datagrams, each from another source port: as many conntrack entries."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        for i in range(count):
            raw.sendto(struct.pack("!HHHH", 10000 + i, flow.port, 9, 0) + b"x", (flow.server, 0))
    return count


def churn(ctl, flow, count, pause=0.0):
    """`count` connections with one short exchange each."""
    story = Story()
    for _ in range(count):
        with tcp_socket(flow, 3) as sock:
            with story.step("connect"):
                sock.connect((flow.server, flow.port))
            exchange(story, sock, 100)
        time.sleep(pause)
    return story.told(count=count)


def half_close(ctl, flow, size):
    """Ask, shut our side, read the `size` bytes that follow."""
    story = Story()
    with tcp_socket(flow, 5) as sock:
        with story.step("connect"):
            sock.connect((flow.server, flow.port))
            sock.sendall(b"please")
            sock.shutdown(socket.SHUT_WR)
        with story.step("receive"):
            read_exactly(sock, size)
    return story.told()


def race(ctl, flows, rounds):
    """Happy Eyeballs: start all, use the first that opens, drop the others at once."""
    story = Story()
    for _ in range(rounds):
        socks = [tcp_socket(flow) for flow in flows]
        with story.step("connect"):
            winner = first_open(socks, flows)
        for sock in socks:
            if sock is not winner:
                sock.close()
        exchange(story, winner, 4)
        winner.close()
    return story.told(rounds=rounds)


def first_open(socks, flows):
    poll = select.poll()
    for sock, flow in zip(socks, flows):
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect((flow.server, flow.port))
        poll.register(sock, select.POLLOUT)
    ready = dict(poll.poll(3000))
    winner = next((s for s in socks if s.fileno() in ready), None)
    if winner is None:
        raise TimeoutError
    winner.settimeout(3)
    return winner


def one_after_another(ctl, flows):
    """What getaddrinfo() and connect() do with several addresses: sort them by asking for a route with a
    connected datagram socket that sends nothing (RFC 6724 6), then try one after the other."""
    story = Story()
    for flow in flows:
        with contextlib.suppress(OSError), socket.socket(flow.socket_family, socket.SOCK_DGRAM) as probe:
            probe.connect((flow.server, flow.port))
    for flow in flows:
        story = Story()
        with tcp_socket(flow, 3) as sock:
            with story.step("connect"):
                sock.connect((flow.server, flow.port))
            exchange(story, sock, 100)
        if story.ok:
            break
    return story.told()


def same_port(ctl, flow, port, rounds):
    """Connect again and again from one local port; the server closes first each time."""
    story = Story()
    for _ in range(rounds):
        with tcp_socket(flow, 3) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with story.step("connect"):
                sock.bind(("", port))
                sock.connect((flow.server, flow.port))
            exchange(story, sock, 50)
            if not story.ok:
                break
            with story.step("end of stream"):
                sock.recv(1)
                leave(sock)
    return story.told(rounds=rounds)


def leave(sock):
    """Close after the peer, and wait until it acknowledged that: before, the port is taken (EADDRNOTAVAIL)."""
    sock.shutdown(socket.SHUT_WR)
    wait_for(lambda: sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE, 3, "the last ACK", 0.001)


def touch(ctl, flows):
    """Connect to each flow's port and close at once."""
    story = Story()
    for flow in flows:
        with tcp_socket(flow, 3) as sock, story.step("connect"):
            sock.connect((flow.server, flow.port))
    return story.told(ports=len(flows))


# ---- servers ------------------------------------------------------------------------------------

def listener(flow, backlog=128, bind=None, rcvbuf=None, reuseport=False):
    sock = tcp_socket(flow)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuseport:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.bind((bind or ("::" if flow.family == 6 else "0.0.0.0"), flow.port))
    sock.listen(backlog)
    return sock


def echo(conn):
    """Send back what comes until the peer is done."""
    with contextlib.suppress(OSError), conn:
        while data := conn.recv(65536):
            conn.sendall(data)


def serve(ctl, flow, backlog=128, bind=None):
    """An echo server, a thread per connection, until killed."""
    with listener(flow, backlog, bind) as sock:
        ctl.ready()
        while True:
            conn, _ = sock.accept()
            threading.Thread(target=echo, args=(conn,), daemon=True).start()


def serve_all(ctl, flows):
    """Accept and close on many ports."""
    selector = selectors.DefaultSelector()
    for flow in flows:
        selector.register(listener(flow), selectors.EVENT_READ)
    ctl.ready()
    while True:
        for key, _ in selector.select():
            key.fileobj.accept()[0].close()


def sink(ctl, flow):
    """Read everything the one client sends, then answer with one byte."""
    with listener(flow) as sock:
        ctl.ready()
        conn, _ = sock.accept()
        got = 0
        with contextlib.suppress(OSError), conn:
            while data := conn.recv(1 << 18):
                got += len(data)
            conn.sendall(b"k")
    return got


def never_accept(ctl, flow, backlog):
    """Listen and then look the other way until told to end."""
    with listener(flow, backlog):
        ctl.ready()
        ctl.await_go()


def never_read(ctl, flow, rcvbuf):
    """Accept one connection and leave its data unread until told to end."""
    with listener(flow, rcvbuf=rcvbuf) as sock:
        ctl.ready()
        conn, _ = sock.accept()
        with conn:
            ctl.await_go()


def one_shot(ctl, flow, act, *args):
    """Accept one connection and do ACTS[act] to it."""
    with listener(flow) as sock:
        ctl.ready()
        conn, _ = sock.accept()
        ACTS[act](conn, *args)


def close_unread(conn):
    """close() with data waiting: the kernel answers with a reset (RFC 2525, 2.17)."""
    selector = selectors.DefaultSelector()
    selector.register(conn, selectors.EVENT_READ)
    selector.select(5)
    conn.close()


def close_no_linger(conn):
    conn.recv(4096)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    conn.close()


def crash(conn):
    """Read the request and die of SIGSEGV."""
    conn.recv(4096)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def eat_memory(conn, cgroup, size):
    """Read the request, enter the memory cgroup and use more than it allows."""
    (cgroup / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    conn.recv(4096)
    hoard = bytearray(size)
    hoard[::4096] = b"x" * len(hoard[::4096])


ACTS = {"unread": close_unread, "linger": close_no_linger, "crash": crash, "eat": eat_memory}


def in_cgroup(ctl, cgroup, function, *args, **kwargs):
    """Enter the cgroup, then be `function`."""
    (cgroup / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    return function(ctl, *args, **kwargs)


def half_closed(ctl, flow, parts, pause):
    """Read until the client's FIN, then go on sending `parts` blocks: a legal half-closed connection."""
    with listener(flow) as sock:
        ctl.ready()
        conn, _ = sock.accept()
        with conn:
            while conn.recv(4096):
                pass
            for _ in range(parts):
                conn.sendall(b"d" * 1000)
                time.sleep(pause)


def closes_first(ctl, flow):
    """Answer one request per connection and close: TIME_WAIT stays at the server."""
    with listener(flow) as sock:
        ctl.ready()
        while True:
            conn, _ = sock.accept()
            with conn:
                conn.sendall(conn.recv(4096))


def rolling(ctl, flow):
    """A server that is replaced while clients come: the new worker accepts from the same socket before
    the old one stops accepting and drains (what nginx does on reload)."""
    sock = listener(flow)
    old = fork_worker(sock)
    ctl.ready()
    ctl.await_go()
    new = fork_worker(sock)
    os.kill(old, signal.SIGTERM)
    os.waitpid(old, 0)
    ctl.ready()
    ctl.await_go()
    os.kill(new, signal.SIGTERM)
    os.waitpid(new, 0)


def fork_worker(sock):
    """A process that answers one request per connection; SIGTERM: finish the one at hand, then exit."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(30)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    sock.settimeout(0.05)  # two workers share the socket: accept() may find it empty again
    while not stop:
        with contextlib.suppress(TimeoutError):
            conn, _ = sock.accept()
            with conn:
                conn.settimeout(2)
                conn.sendall(conn.recv(4096))
    os._exit(0)


def udp_echo(ctl, flow):
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.bind(("::" if flow.family == 6 else "0.0.0.0", flow.port))
        ctl.ready()
        while True:
            data, peer = sock.recvfrom(65536)
            sock.sendto(data, peer)


def udp_sink(ctl, flow):
    """Read and forget."""
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", flow.port))
        ctl.ready()
        while True:
            sock.recv(65536)


def udp_slow_reader(ctl, flow, rcvbuf):
    """Bind with a small buffer; only when told, read what is left; tells how many arrived."""
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.bind(("::" if flow.family == 6 else "0.0.0.0", flow.port))
        ctl.ready()
        expected = ctl.await_go()
        got = 0
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while sock.recv(65536):
                got += 1
    at_ns = now_ns()
    return {"result": "ok" if got == expected else "lost", "phase": "read", "at_ns": at_ns,
            "after_ms": 0, "sent": expected, "received": got}
