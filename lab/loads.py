# SPDX-License-Identifier: Apache-2.0
"""Traffic that goes on until its process is ended, and what disturbs it, as functions for Role.start.

Clients keep many connections in one process, a thread each; whatever fails is begun again after a pause.
"""
import contextlib
import fcntl
import heapq
import mmap
import os
import random
import select
import socket
import struct
import threading
import time

import peers

AGAIN_S = 0.05      # pause before a failed connection is tried again
IO_BYTES = 1 << 20  # of one direct read
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000  # include/uapi/linux/if_tun.h


def threads(count, function, *args):
    """Run `function(number, *args)` in `count` threads of their own."""
    for number in range(count):
        threading.Thread(target=function, args=(number, *args), daemon=True).start()


def for_ever(step, pause=0.0, after=0.0):
    """Call step() again and again, `pause` seconds apart, from `after` seconds on; errors are the weather."""
    time.sleep(after)
    while True:
        try:
            step()
            time.sleep(pause)
        except (OSError, peers.Closed):
            time.sleep(AGAIN_S)


def until_killed(ctl):
    """Say ready and let the threads work."""
    ctl.ready()
    while True:
        time.sleep(3600)


def dialled(flow, patience=3.0):
    sock = peers.tcp_socket(flow, patience)
    sock.connect((flow.server, flow.port))
    return sock


# ---- clients ------------------------------------------------------------------------------------

def chats(ctl, flow, count, pause, ask=300):
    """`count` connections; each asks and reads as much back, then rests for `pause` seconds."""
    def talk(sock):
        sock.sendall(os.urandom(ask))
        peers.read_exactly(sock, ask)
        time.sleep(pause)

    def life():
        with dialled(flow) as sock:
            sock.settimeout(60)
            while True:
                talk(sock)
    threads(count, lambda i: for_ever(life, after=pause * i / count))
    until_killed(ctl)


def downloads(ctl, flow, count):
    """`count` connections that read what the server sends."""
    def life():
        with dialled(flow) as sock:
            sock.settimeout(60)
            while sock.recv(1 << 16):
                pass
    threads(count, lambda _: for_ever(life))
    until_killed(ctl)


def uploads(ctl, flow, count, block, pause):
    """`count` connections that send `block` bytes, rest, and go on."""
    def life():
        with dialled(flow) as sock:
            sock.settimeout(60)
            data = b"u" * block
            while True:
                sock.sendall(data)
                time.sleep(pause)
    threads(count, lambda i: for_ever(life, after=pause * i / count))
    until_killed(ctl)


def files(ctl, flow, count, size):
    """`count` times at once: upload a file of `size` bytes, wait for the server's byte, and begin again."""
    def life():
        with dialled(flow, 30) as sock:
            peers.send_within(sock, size, 600)
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(60)
            peers.read_exactly(sock, 1)
    threads(count, lambda _: for_ever(life))
    until_killed(ctl)


def visits(ctl, flow, per_second, ask=100, patience=2.0, greeting=0):
    """New connections, `per_second`: read the `greeting`, ask and read as much back, close."""
    def visit():
        with contextlib.suppress(OSError, peers.Closed), dialled(flow, patience) as sock:
            peers.read_exactly(sock, greeting)
            sock.sendall(b"v" * ask)
            peers.read_exactly(sock, ask)

    def begin():
        threading.Thread(target=visit, daemon=True).start()
    threads(1, lambda _: for_ever(begin, 1 / per_second))
    until_killed(ctl)


def requests(ctl, flow, count, pause):
    """`count` HTTP/1.1 keep-alive connections."""
    def life():
        with dialled(flow) as sock:
            while True:
                sock.sendall(b"GET /item HTTP/1.1\r\nHost: lab\r\nUser-Agent: lab\r\n\r\n")
                peers.read_exactly(sock, len(http_answer(200)))
                time.sleep(pause)
    threads(count, lambda i: for_ever(life, after=pause * i / count))
    until_killed(ctl)


def calls(ctl, flow, count, pause):
    """`count` gRPC channels with one unary call after the other."""
    import grpc  # where no scenario needs it, it need not be there
    def life():
        with grpc.insecure_channel(f"{flow.server}:{flow.port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            call = channel.unary_unary("/lab.Shop/Buy")
            while True:
                call(b"item", timeout=2)
                time.sleep(pause)
    threads(count, lambda i: for_ever(life, after=pause * i / count))
    until_killed(ctl)


def questions(ctl, flow, per_second, name):
    """DNS queries for `name`, each from a port of its own."""
    def query():
        head = struct.pack("!6H", random.randrange(1 << 16), 0x0100, 1, 0, 0, 0)
        with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.connect((flow.server, flow.port))
            sock.send(head + dns_name(name) + struct.pack("!2H", 1, 1))
            sock.recv(512)
    threads(1, lambda _: for_ever(query, 1 / per_second))
    until_killed(ctl)


def dns_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def flood(ctl, flow, per_second, base):
    """SYNs from ever new spoofed addresses base.1.1, base.1.2, ... and ports (IPv4)."""
    sent = 0
    ctl.ready()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        begun = time.monotonic()
        while True:
            due = int((time.monotonic() - begun) * per_second)
            for i in range(sent, due):
                source = f"{base}.{i // 250 % 250}.{i % 250 + 1}"
                raw.sendto(peers.syn_packet(source, 20000 + i % 40000, flow), (flow.server, 0))
            sent = due
            time.sleep(0.02)


# ---- servers ------------------------------------------------------------------------------------

def serve_with(ctl, flow, handle, **kwargs):
    """A thread of handle(conn) for each connection; never returns."""
    def work(conn):
        with contextlib.suppress(OSError), conn:
            handle(conn)
    with peers.listener(flow, **kwargs) as sock:
        ctl.ready()
        while True:
            conn, _ = sock.accept()
            threading.Thread(target=work, args=(conn,), daemon=True).start()


def stream(ctl, flow, block, pause, work_s):
    """To each client: compute for `work_s` seconds of CPU time, send `block` bytes, rest, again."""
    def handle(conn):
        while True:
            until = time.thread_time() + work_s
            while time.thread_time() < until:
                pass
            conn.sendall(b"s" * block)
            time.sleep(pause)
    serve_with(ctl, flow, handle)


def swallow(ctl, flow):
    """Read to the end of the stream, then answer with one byte."""
    def handle(conn):
        while conn.recv(1 << 18):
            pass
        conn.sendall(b"k")
    serve_with(ctl, flow, handle)


def lazy(ctl, flow, rcvbuf, pause):
    """Read at full speed; after 'go' a quarter of the buffer every `pause` seconds."""
    is_lazy = threading.Event()

    def handle(conn):
        while conn.recv(rcvbuf // 4):
            if is_lazy.is_set():
                time.sleep(pause)
    threading.Thread(target=lambda: (ctl.await_go(3600), is_lazy.set()), daemon=True).start()
    serve_with(ctl, flow, handle, rcvbuf=rcvbuf)


def busy(ctl, flow, backlog, pause):
    """Greet each client and echo; after 'go' accept only one every `pause` seconds."""
    is_busy = threading.Event()

    def handle(conn):
        conn.sendall(b"220 hello\r\n")
        peers.echo(conn)

    def work(sock):
        conn, _ = sock.accept()
        threading.Thread(target=handle, args=(conn,), daemon=True).start()
        time.sleep(pause if is_busy.is_set() else 0)
    threading.Thread(target=lambda: (ctl.await_go(3600), is_busy.set()), daemon=True).start()
    with peers.listener(flow, backlog) as sock:
        ctl.ready()
        for_ever(lambda: work(sock))


def breaker(ctl, flow):
    """Answer one request per connection and close; after 'go' with a reset."""
    breaks = threading.Event()

    def handle(conn):
        conn.sendall(conn.recv(4096))
        if breaks.is_set():
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, peers.NO_LINGER)
        else:
            conn.recv(1)  # the client closes first
    threading.Thread(target=lambda: (ctl.await_go(3600), breaks.set()), daemon=True).start()
    serve_with(ctl, flow, handle)


def http_answer(status):
    return f"HTTP/1.1 {status} {'OK' if status == 200 else 'No'}\r\nContent-Length: 6\r\n\r\nhello\n".encode()


def http(ctl, flow):
    """HTTP/1.1, always the same short answer: 200, or after 'go' the status it names, to one in `of`."""
    fault = []

    def handle(conn):
        number = 0
        while request := conn.recv(4096):
            number += request.count(b"\r\n\r\n")
            bad = fault and number % fault[0]["of"] == 0
            conn.sendall(http_answer(fault[0]["status"] if bad else 200))
    threading.Thread(target=lambda: fault.append(ctl.await_go(3600)), daemon=True).start()
    serve_with(ctl, flow, handle)


def grpc(ctl, flow):
    """Unary gRPC calls, answered with what was sent."""
    import grpc as rpc
    from concurrent import futures
    server = rpc.server(futures.ThreadPoolExecutor(8))
    echo = rpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server.add_generic_rpc_handlers((rpc.method_handlers_generic_handler("lab.Shop", {"Buy": echo}),))
    server.add_insecure_port(f"{flow.server}:{flow.port}")
    server.start()
    until_killed(ctl)


def dns(ctl, flow):
    """DNS: 192.0.2.1 for whatever is asked, NXDOMAIN for names that begin with 'no'."""
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.bind(("::" if flow.family == 6 else "0.0.0.0", flow.port))
        ctl.ready()
        while True:
            query, peer = sock.recvfrom(512)
            missing = query[13:15] == b"no"
            head = query[:2] + struct.pack("!5H", 0x8183 if missing else 0x8180, 1, not missing, 0, 0)
            answer = b"" if missing else struct.pack("!HHHIH4B", 0xc00c, 1, 1, 60, 4, 192, 0, 2, 1)
            sock.sendto(head + query[12:] + answer, peer)


# ---- disturbers -----------------------------------------------------------------------------------

def eat_memory(ctl, size, cache):
    """Keep `size` bytes and read the file `cache` again and again; in a cgroup that has room for one of them only."""
    hoard = bytearray(size)
    hoard[::4096] = b"x" * len(hoard[::4096])
    with open(cache, "rb", buffering=0) as file:
        # Pages that are cached already were charged to who wrote them.
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        ctl.ready()
        while True:
            if not file.read(1 << 20):
                file.seek(0)
            time.sleep(0.005)


def read_disk(ctl, path, count):
    """`count` threads write the file `path` once and then read it past the page cache, each its own piece."""
    def read(number, file):
        data = mmap.mmap(-1, IO_BYTES)  # page-aligned, as O_DIRECT wants it
        data.write(b"d" * IO_BYTES)
        os.pwritev(file, [data], number * IO_BYTES)
        while True:
            os.preadv(file, [data], number * IO_BYTES)
    threads(count, read, os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600))
    until_killed(ctl)


def open_tun(name):
    """A new TUN device of this namespace."""
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def stream_of(packet):
    """What tells streams apart: addresses and ports (no IPv4 options, no IPv6 extension headers here)."""
    return packet[12:24] if packet[0] >> 4 == 4 else packet[8:44]


def relay(ctl, name, shares):
    """A TUN device that gives back every packet routed into it: after `ms` milliseconds with probability `share`,
    for each (ms, share) of `shares`. The order within a stream is kept."""
    tun, waiting, last, number = open_tun(name), [], {}, 0
    delays, weights = [ms / 1000 for ms, _ in shares], [share for _, share in shares]
    ctl.ready()
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            with contextlib.suppress(OSError):  # its host may be gone
                os.write(tun, heapq.heappop(waiting)[2])
        pause = max(0.0, waiting[0][0] - now) if waiting else None
        if select.select([tun], [], [], pause)[0]:
            packet = os.read(tun, 65536)
            key = stream_of(packet)
            last[key] = max(last.get(key, 0.0), time.monotonic() + random.choices(delays, weights)[0])
            heapq.heappush(waiting, (last[key], number, packet))
            number += 1
