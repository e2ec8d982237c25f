# SPDX-License-Identifier: Apache-2.0
"""A network namespace with real servers and clients in it, watched by `observe`; and what observe told, to compare."""
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import hosts
import topology

PYTHON = hosts.PYTHON
LIMIT_S = 30
HERE = "127.0.0.1"
FENCE_PORT = 1  # nobody listens: what is told of an attempt comes behind all that was before
LISTENS = {"tcp": "0A", "udp": "07"}  # state in /proc/net/tcp and udp: TCP_LISTEN; an unconnected socket
DATA = ("http_data", "grpc_data", "dns_data", "l7_data")
# What --stats says, and must be nothing on a run nobody disturbed.
LOSSES = ("damaged", "lost to the ring", "lost to tables", "gaps", "desynchronised", "protocols revoked",
          "bytes without room", "refused", "left out by sampling", "above the limit")
Answer = collections.namedtuple("Answer", "method target status text event")
Done = collections.namedtuple("Done", "pid out err")
End = collections.namedtuple("End", "pid command")


class Stage:
    """One namespace: serve() first, watch(), run() the clients, then ended() is what observe told."""

    def __init__(self, netns, watching, place):
        self.netns, self.watching, self.place = netns, watching, pathlib.Path(place)
        self.servers, self.watcher = [], None

    def file(self, name, text):
        path = self.place / name
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *args, end=signal.SIGKILL):
        """Start a server; `end` is what stops it when the test is over."""
        need(args[0])
        log = self.place / f"server-{len(self.servers)}.log"
        with open(log, "wb") as file:
            process = subprocess.Popen(hosts.inside(self.netns, *args), stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True, cwd=self.place)
        self.servers.append((process, end))
        return process, log

    def serve(self, *args, port, protocol="tcp", **kwargs):
        """A server, once it has its port."""
        process, log = self.start(*args, **kwargs)
        self.await_server(process, log, lambda: has_port(process.pid, protocol, port))
        return process

    def serve_saying(self, *args):
        """A server that chooses its port, and the line it says where."""
        process, log = self.start(*args)
        self.await_server(process, log, lambda: "\n" in log.read_text())
        return process, log.read_text().split("\n")[0]

    @staticmethod
    def await_server(process, log, is_ready):
        with contextlib.suppress(topology.LabError):
            hosts.wait(lambda: process.poll() is not None or is_ready(), "a server", LIMIT_S)
        if process.poll() is not None or not is_ready():
            pytest.fail(f"{process.args} does not serve: {log.read_text(errors='replace')[-2000:]}")

    def run(self, *args, text=None, status=0, **popen):
        """A client to its end: its process id and what it said. `status`: None = any."""
        need(args[0])
        with subprocess.Popen(hosts.inside(self.netns, *args), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, cwd=self.place, **popen) as process:
            try:
                out, err = process.communicate(text, timeout=LIMIT_S)
            finally:
                process.kill()
        assert status is None or process.returncode == status, f"{args}: {process.returncode}\n{out}\n{err}"
        return Done(process.pid, out, err)

    def watch(self, *options):
        self.watcher = self.watching("observe", "--netns", self.netns, "-o", "json", "--stats",
                                     "--max-events-per-second", "1000000000", *options)

    def ended(self):
        """Everything up to now, told: observe has passed the fence and was stopped."""
        assert hosts.dial(self.netns, HERE, FENCE_PORT) == ["ECONNREFUSED"]
        hosts.wait(lambda: any(f'"dst_port":{FENCE_PORT},'.encode() in line for _, line in self.watcher.lines[-20:]),
                   "the fence", LIMIT_S)
        assert self.watcher.stop() == 0, self.watcher.stderr()
        return Told(self.watcher)

    def close(self):
        for process, end in reversed(self.servers):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, end)
            try:
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Told:
    """What observe told: its events, and its own account of them."""

    def __init__(self, watcher):
        self.events = [json.loads(line) for _, line in watcher.lines]
        self.stats = watcher.stderr()

    def answers(self, protocol, port=None):
        """Requests that are over, in the order they ended."""
        return [answer_of(e) for e in self.events if e["l7_protocol"] == protocol and port in (None, e["dst_port"])
                and (data_of(e) or {}).get("is_response", is_answer(e))]

    def of_type(self, kind):
        return [e for e in self.events if e["event_type"] == kind]

    def lost(self):
        """What --stats counts as lost; {} is as it should be."""
        found = {what: int(n) for n, what in re.findall(rf"(\d+) ({'|'.join(LOSSES)})\b", self.stats)}
        assert found.keys() == set(LOSSES), self.stats
        return {what: n for what, n in found.items() if n}


def is_answer(event):
    return event["event_type"] in ("grpc_response", "dns_response")


def data_of(event):
    return next((event[key] for key in DATA if key in event), None)


def answer_of(event):
    d = data_of(event)
    if "query_name" in d:
        fields = d["query_type"], d["query_name"], d["response_code"], d["response_text"]
    elif "service" in d:
        fields = d["method"], d["service"], d["status_code"], d["status_text"]
    else:
        fields = d["method"], d.get("path", d.get("target")), d["status_code"], d["status_text"]
    return Answer(*fields, event)


def tally(answers, *names):
    """How often each combination of these fields occurs."""
    if len(names) == 1:
        return collections.Counter(getattr(a, names[0]) for a in answers)
    return collections.Counter(tuple(getattr(a, n) for n in names) for a in answers)


def ends(event):
    """Who is the client and who the server, by process."""
    own = End(event["pid"], event["command"])
    peer = End(event["peer"]["pid"], event["peer"]["command"]) if event["peer"] else None
    return (own, peer) if event["direction"] == "outbound" else (peer, own)


def clients(answers):
    return {ends(a.event)[0] for a in answers}


def servers(answers):
    return {ends(a.event)[1] for a in answers}


def flags(answers):
    return {flag for a in answers for flag in a.event["flags"]}


def need(program):
    if not shutil.which(str(program)):
        pytest.skip(f"{program} is not installed (tools/deps.sh test)")


def has_port(pid, protocol, port):
    """Does somebody in the network namespace of this process have the port?"""
    for family in ("", "6"):
        try:
            lines = pathlib.Path(f"/proc/{pid}/net/{protocol}{family}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            return False
        for line in lines:
            _, local, _, state = line.split()[:4]
            if int(local.rsplit(":", 1)[1], 16) == port and state == LISTENS[protocol]:
                return True
    return False
