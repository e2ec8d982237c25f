# SPDX-License-Identifier: Apache-2.0
"""Clients and servers that speak a protocol: HTTP, DNS, TLS. As peers.py: each gets its Control first.

What the application saw is its protocol's own word where there is one: "NXDOMAIN", "503", "alert", "not HTTP".
"""
import contextlib
import http.client
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import peers
from peers import Story

RCODES = {0: "ok", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


# ---- DNS ----------------------------------------------------------------------------------------

def dns_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def asked_name(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += query[at] + 1
    return ".".join(labels)


def dns_query(name):
    return os.urandom(2) + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack("!2H", 1, 1)


def dns_server(ctl, flow, known=(), rcode=3, after_s=0):
    """An A record for the names in `known`, `rcode` for others (None: no answer at all)."""
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.bind(("::" if flow.family == 6 else "0.0.0.0", flow.port))
        ctl.ready()
        while True:
            query, peer = sock.recvfrom(512)
            there = asked_name(query) in known
            if not there and rcode is None:
                continue
            head = query[:2] + struct.pack("!5H", 0x8180 | (0 if there else rcode), 1, int(there), 0, 0)
            answer = struct.pack("!HHHIH4B", 0xc00c, 1, 1, 60, 4, 192, 0, 2, 1) if there else b""
            time.sleep(after_s)
            sock.sendto(head + query[12:] + answer, peer)


def dns_client(_ctl, flow, names, timeout, times=1):
    """Ask for the names one after the other, each `times` times, until one exists."""
    story = Story()
    with socket.socket(flow.socket_family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout / times)
        sock.connect((flow.server, flow.port))
        for name in names:
            query = dns_query(name)
            for attempt in range(times):
                with contextlib.suppress(TimeoutError) if attempt + 1 < times else story.step("ask"):
                    sock.send(query)
                    rcode = sock.recv(512)[3] & 15
                    break
            if not story.ok or not rcode:
                break
    told = story.told()
    return told if not story.ok else told | {"result": RCODES.get(rcode, str(rcode))}


def dns_racer(_ctl, flows, name, times, pause_s):
    """Ask all servers at once from a socket that is closed with the first answer."""
    story = Story()
    for _ in range(times):
        with socket.socket(flows[0].socket_family, socket.SOCK_DGRAM) as sock, story.step("ask"):
            sock.settimeout(2)
            for flow in flows:
                sock.sendto(dns_query(name), (flow.server, flow.port))
            sock.recv(512)
        time.sleep(pause_s)
    return story.told()


# ---- HTTP ---------------------------------------------------------------------------------------

def answer(conn, status):
    request = b""
    while b"\r\n\r\n" not in request:
        part = conn.recv(4096)
        if not part:
            return False
        request += part
    conn.sendall(f"HTTP/1.1 {status} {http.client.responses[status]}\r\nContent-Length: 5\r\n\r\nhello".encode())
    return True


def one_by_one(ctl, flow, act):
    """Accept connections, one after the other, and do act(conn) with each, until killed."""
    with peers.listener(flow) as sock:
        ctl.ready()
        while True:
            conn, _ = sock.accept()
            with contextlib.suppress(OSError), conn:
                act(conn)


def http_server(ctl, flow, status=200):
    def serve(conn):
        while answer(conn, status):
            pass
    one_by_one(ctl, flow, serve)


def http_plain(ctl, flow):
    """As web servers do: what is no HTTP gets a 400."""
    def refuse(conn):
        conn.recv(4096)
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        conn.recv(4096)
    one_by_one(ctl, flow, refuse)


def http_closing_server(ctl, flow, answered):
    """Answers so many requests, then reads one more and closes; on 'go' it closes without reading."""
    with peers.listener(flow) as sock:
        ctl.ready()
        conn, _ = sock.accept()
        for _ in range(answered):
            answer(conn, 200)
        if answered:
            ctl.await_go()
        else:
            conn.recv(4096)
        conn.close()
        ctl.await_go()


def http_get(story, conn, path):
    """One request on an open http.client connection; its status as text."""
    status = None
    with story.step("request"):
        try:
            conn.request("GET", path)
            response = conn.getresponse()
            response.read()
            status = str(response.status)
        except http.client.BadStatusLine as error:
            if isinstance(error, http.client.RemoteDisconnected):
                raise peers.Closed from error
            status = "not HTTP"
    return status


def http_client(_ctl, flow, timeout, times=1, path="/"):
    """GET so often on one connection; the status of the last answer."""
    story, status = Story(), None
    conn = http.client.HTTPConnection(flow.server, flow.port, timeout=timeout)
    for _ in range(times):
        status = http_get(story, conn, path) if story.ok else status
    conn.close()
    told = story.told()
    return told if not story.ok or status == "200" else told | {"result": status}


def http_pooled(ctl, flow, timeout, answered, idle_s):
    """Some requests, a pause; on 'go' another one on the same connection, without a look at it before."""
    story = Story()
    conn = http.client.HTTPConnection(flow.server, flow.port, timeout=timeout)
    for _ in range(answered):
        http_get(story, conn, "/")
    conn.auto_open = False
    ctl.ready()
    ctl.await_go(idle_s + 30)
    http_get(story, conn, "/again")
    return story.told()


def http_silent(ctl, flow):
    """Accepts, reads, and never answers."""
    def read_on(conn):
        while conn.recv(4096):
            pass
    one_by_one(ctl, flow, read_on)


def http_endless(ctl, flow):
    """Answers with more than anybody wants."""
    def pour(conn):
        conn.recv(4096)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            conn.sendall(bytes(1 << 16))
    one_by_one(ctl, flow, pour)


def http_enough(_ctl, flow, size, times):
    """Asks, and closes once it has got `size` bytes."""
    story = Story()
    for _ in range(times):
        with peers.tcp_socket(flow, 3) as sock, story.step("download"):
            sock.connect((flow.server, flow.port))
            sock.sendall(b"GET /all HTTP/1.1\r\nHost: lab\r\n\r\n")
            peers.read_exactly(sock, size)
        if not story.ok:
            break
    return story.told(times=times)


def http_hedged(_ctl, fast, slow, timeout, times):
    """The same request to two servers, `times` times; the answer of the first is taken, the other request given up."""
    story = Story()
    for _ in range(times):
        other = http.client.HTTPConnection(slow.server, slow.port, timeout=timeout)
        other.request("GET", "/")
        conn = http.client.HTTPConnection(fast.server, fast.port, timeout=timeout)
        http_get(story, conn, "/")
        conn.close()
        other.close()
    return story.told()


# ---- TLS ----------------------------------------------------------------------------------------

@contextlib.contextmanager
def certificate(name):
    """Paths of a self-signed certificate and its key."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={name}", "-days", "2", "-keyout", f"{place}/key", "-out", f"{place}/crt"],
                       check=True, capture_output=True)
        yield f"{place}/crt", f"{place}/key"


def tls_server(ctl, flow, name, least=None):
    """HTTP over TLS; `least`: the lowest version it takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with certificate(name) as (crt, key):
        context.load_cert_chain(crt, key)
    if least:
        context.minimum_version = ssl.TLSVersion[least]
    with peers.listener(flow) as sock:
        ctl.ready()
        while True:
            conn, _ = sock.accept()
            with contextlib.suppress(OSError), conn, context.wrap_socket(conn, server_side=True) as safe:
                answer(safe, 200)


def https_server(ctl, flow):
    """The TLS port of a web server, to somebody who speaks plain HTTP: what nginx answers then."""
    text = b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>"
    with peers.listener(flow) as sock:
        ctl.ready()
        while True:
            conn, _ = sock.accept()
            with contextlib.suppress(OSError), conn:
                conn.recv(4096)
                conn.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n"
                             b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
                conn.recv(4096)


def tls_client(_ctl, flow, timeout, name, most=None, trusts=True):
    """A handshake; "alert" when either side refuses, "not TLS" when the server speaks something else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusts:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context.load_default_certs()
    if most:
        context.maximum_version = ssl.TLSVersion[most]
    story, word = Story(), "ok"
    sock = peers.tcp_socket(flow, timeout)
    with story.step("connect"):
        sock.connect((flow.server, flow.port))
    with story.step("handshake"):
        try:
            context.wrap_socket(sock, server_hostname=name).close()
        except ssl.SSLEOFError as error:
            raise peers.Closed from error
        except ssl.SSLError as error:
            word = "not TLS" if "WRONG_VERSION" in str(error) else "alert"
    sock.close()
    told = story.told()
    return told if not story.ok else told | {"result": word}
