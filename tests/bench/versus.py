# SPDX-License-Identifier: Apache-2.0
"""`observe -r` beside tshark on one capture: the shared captures of requests, copied until it is large enough (capture_big.c).
Of tshark, only the protocols that observe reads are on. Time is CPU time, user and system.
"""
import json
import shutil

import captures
from bed import command, pinned, tool
from observers import FORMATS, Account

SHARED = captures.reference.SHARED.parent / "l7"
PROTOCOLS = {"frame", "eth", "ethertype", "ip", "ipv6", "icmp", "icmpv6", "tcp", "udp", "http", "http2", "grpc", "dns", "tls",
             "quic", "kafka", "resp", "memcache", "pgsql", "mysql", "mongo", "amqp", "nats", "websocket", "json"}
FIELDS = ["frame.time_epoch", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "http.request.method", "http.request.uri",
          "http.response.code", "http.time", "dns.qry.name", "dns.flags.rcode", "dns.time", "tls.handshake.extensions_server_name",
          "mysql.query", "pgsql.query", "kafka.api_key"]


def make_capture(bed, size):
    """(path, what capture_big says of it)"""
    if not SHARED.is_dir():
        raise captures.Missing(f"{SHARED} is not there: nothing to make a capture of")
    captures.build(bed.dir)
    found = [path for path in sorted(SHARED.rglob("*")) if path.suffix in (".pcap", ".pcapng")]
    big = bed.dir / "requests.pcap"
    return big, json.loads(command([str(bed.dir / "capture_big"), str(big), str(size), *map(str, found)]))


def unread():
    """Every protocol of tshark that observe does not read."""
    names = {line.split("\t")[2] for line in command([tool("tshark"), "-G", "protocols"]).splitlines()}
    return [word for name in sorted(names - PROTOCOLS) for word in ("--disable-protocol", name)]


def tools(crosscut, capture):
    """{(who, what): command}: a table at the end, and a line for each message."""
    found = {("observe", "table"): [crosscut, "observe", "-r", capture, "--stats", *FORMATS["summary"]],
             ("observe", "lines"): [crosscut, "observe", "-r", capture, "--stats", *FORMATS["json"]]}
    if shutil.which("tshark"):
        few = [tool("tshark"), "-n", "-r", capture, *unread()]
        found |= {("tshark", "table"): [*few, "-q", "-z", "http,tree", "-z", "dns,tree"],
                  ("tshark", "lines"): [*few, "-T", "fields", *(word for name in FIELDS for word in ("-e", name))]}
    return found


def measure(watchers, size, rounds):
    """{"facts": of the capture, "seconds": {(who, what): CPU seconds}, "requests": read}; tshark reads it once."""
    bed = watchers.bed
    capture, facts = make_capture(bed, size)
    seconds, said = {}, bed.dir / "versus.err"
    for which, words in tools(watchers.crosscut, capture).items():
        with open(said, "wb") as err:
            spent = [captures.spend(pinned(bed.other_cpu(), words), err)
                     for _ in range(rounds if which[0] == "observe" else 1)]
        seconds[which] = min(spent)[0]
        if which[0] == "observe":
            requests = Account.of(said.read_text(errors="replace")).requests
    return {"facts": facts, "seconds": seconds, "requests": requests}
