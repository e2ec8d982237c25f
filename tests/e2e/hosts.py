# SPDX-License-Identifier: Apache-2.0
"""Hosts of one test: network namespaces, what fails in them, and what crosscut has attached meanwhile."""
import json
import pathlib
import struct
import subprocess
import sys

import topology

LIMIT_S = 30
PYTHON = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable
# arguments: address, port, times, patience in seconds, source address or ""; waits for a line on stdin first
DIAL = r"""
import errno, socket, sys
to, port, times, patience, source = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
family = socket.AF_INET6 if ":" in to else socket.AF_INET
sys.stdin.readline()
for _ in range(times):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(patience)
        if source:
            s.bind((source, 0))
        try:
            s.connect((to, port))
            print("ok")
        except OSError as error:
            print(errno.errorcode.get(error.errno, "timeout"))
"""
SERVE = r"""
import socket, sys
with socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=128) as s:
    print("ready", flush=True)
    while True:
        c, _ = s.accept()
        with c:
            c.sendall(c.recv(4096))
            c.recv(1)
"""
ASK = r"""
import socket, sys
for _ in range(int(sys.argv[3])):
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as s:
        s.sendall(b"hello")
        assert s.recv(5) == b"hello"
"""


def inside(name, *args):
    """The command line that runs `args` in the namespace; not `ip netns exec`, which hides the cgroup trees."""
    return ["nsenter", f"--net=/run/netns/{name}", *map(str, args)]


def sh(name, *args, text=None):
    return subprocess.run(inside(name, *args), input=text, capture_output=True, text=True, timeout=LIMIT_S,
                          check=True).stdout


def nft(name, text):
    sh(name, "nft", "-f", "-", text=text)


def dialer(name, address, port, times=1, patience=5, source=""):
    """A process that dials once its stdin gets a line."""
    return subprocess.Popen(inside(name, PYTHON, "-c", DIAL, address, port, times, patience, source),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def dial(*args, **kwargs):
    """What each call of connect() came to: "ok", an errno name, or "timeout"."""
    with dialer(*args, **kwargs) as process:
        return process.communicate("go\n", timeout=LIMIT_S)[0].split()


def server(name, address, port):
    """A listening echo server; the caller ends it."""
    process = subprocess.Popen(inside(name, PYTHON, "-c", SERVE, address, port), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def ask(name, address, port, times):
    """Healthy connections."""
    subprocess.run(inside(name, PYTHON, "-c", ASK, address, port, times), check=True, timeout=LIMIT_S)


def delete(name):
    subprocess.run(["ip", "netns", "del", name], check=True, timeout=LIMIT_S)


def join(one, other):
    """A link between two namespaces: 10.90.0.1 in `one`, 10.90.0.2 in `other`."""
    subprocess.run(["ip", "link", "add", "eth0", "netns", one, "type", "veth", "peer", "name", "eth0", "netns", other],
                   check=True, timeout=LIMIT_S)
    for name, address in ((one, "10.90.0.1/24"), (other, "10.90.0.2/24")):
        sh(name, "ip", "addr", "add", address, "dev", "eth0")
        sh(name, "ip", "link", "set", "eth0", "up")
    sh(one, "ping", "-n", "-c", "1", "-W", "5", "10.90.0.2")  # neighbours are known from here on


def wait(question, what, limit=10):
    return topology.wait_for(question, limit, what, pause=0.02)


def wait_finding(watcher, holds, limit=10):
    """The first finding for which `holds(finding)`."""
    return wait(lambda: next((f for f in watcher.findings() if holds(f)), None), "the finding", limit)


def servers_told(findings):
    """The server ports of what was confirmed."""
    return {f["connection"]["server"]["port"] for f in findings if f["status"] == "confirmed"}


# ---- what is attached -----------------------------------------------------------------------------

def attached(pid):
    """Ids of the BPF programs and links a process holds: {("prog", 12), ("link", 7) ...}."""
    found = set()
    try:
        for fd in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
            for line in fd.read_text(encoding="ascii").splitlines():
                key, _, value = line.partition(":")
                if key in ("prog_id", "link_id"):
                    found.add((key.removesuffix("_id"), int(value)))
    except OSError:
        pass  # a descriptor, or the process, has just gone
    return found


def alive(ids):
    """Which of these programs and links still exist."""
    left = set()
    for kind in {kind for kind, _ in ids}:
        done = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, text=True, timeout=LIMIT_S, check=True)
        left |= {(kind, item["id"]) for item in json.loads(done.stdout or "[]")}
    return left & ids


def foreign_namespaces():
    """Names in /run/netns that no test and no laboratory made."""
    return {p.name for p in pathlib.Path("/run/netns").iterdir() if not p.name.startswith("xc-")}


# ---- recordings ------------------------------------------------------------------------------------

def records(path):
    """(kind, bytes behind the header) of every whole record of a recording."""
    data = pathlib.Path(path).read_bytes()
    at = struct.unpack_from("<I", data, 12)[0]
    while at + 16 <= len(data):
        _, size, kind, _ = struct.unpack_from("<QIHH", data, at)
        if at + size > len(data):
            return
        yield kind, data[at + 16:at + size]
        at += size
