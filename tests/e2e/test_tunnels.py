# SPDX-License-Identifier: Apache-2.0
"""A firewall drops the packets of a tunnel: the flow inside is told, or the tunnel where nothing can be read in it."""
import socket
import struct
import subprocess

import pytest

import hosts
import packets

pytestmark = pytest.mark.root
INNER, INNER6, OUTER = "192.168.77.2", "fd77::2", "10.90.0.2"
PORT = 8080
FRAME = bytes(12)  # MAC addresses
IP, IPV6, ETHERNET = 0x0800, 0x86dd, 0x6558  # EtherTypes
SEND = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_RAW, int(sys.argv[2])) as s:
    for _ in range(2):
        s.sendto(bytes.fromhex(sys.argv[3]), (sys.argv[1], 0))
"""
GUARD = """table inet guard {{
	chain {hook} {{
		type filter hook {hook} priority 0; policy accept;
		{match} counter drop
	}}
}}
"""
SYN4 = packets.tcp((("192.168.77.1", 40000), (INNER, PORT)), packets.SYN, 7, 0)
SYN6 = struct.pack("!IHBB", 6 << 28, 20, 6, 64) + socket.inet_pton(socket.AF_INET6, "fd77::1") \
    + socket.inet_pton(socket.AF_INET6, INNER6) + SYN4[20:]


def gre(what, inner, **fields):
    """RFC 2784, RFC 2890; fields: checksum, key, sequence, version."""
    bits = {"checksum": 0x8000, "key": 0x2000, "sequence": 0x1000, "version": 1}
    return struct.pack("!HH", sum(bits[f] for f in fields), what) + bytes(4 * len(set(fields) - {"version"})) + inner


def udp(port, payload):
    return struct.pack("!HHHH", 33333, port, 8 + len(payload), 0) + payload


def frame(what, inner):
    return FRAME + struct.pack("!H", what) + inner


def vxlan(inner, flags=0x08):
    return struct.pack("!B3xI", flags, 7 << 8) + inner


def geneve(what, inner, options=0):
    return struct.pack("!BBHI", options // 4, 0, what, 7 << 8) + bytes(options) + inner


# name: protocol, what follows the outer IP header, the address that is told
CRAFTED = {
    "ipip": (4, SYN4, INNER),
    "6in4": (41, SYN6, INNER6),
    "gre": (47, gre(IP, SYN4), INNER),
    "gre-ipv6": (47, gre(IPV6, SYN6), INNER6),
    "gre-all-fields": (47, gre(IP, SYN4, checksum=1, key=1, sequence=1), INNER),
    "gretap": (47, gre(ETHERNET, frame(IP, SYN4), key=1), INNER),
    "vxlan": (17, udp(4789, vxlan(frame(IP, SYN4))), INNER),
    "vxlan-old-port": (17, udp(8472, vxlan(frame(IPV6, SYN6))), INNER6),
    "geneve": (17, udp(6081, geneve(IP, SYN4)), INNER),
    "geneve-options": (17, udp(6081, geneve(ETHERNET, frame(IP, SYN4), options=24)), INNER),
    # nothing to be read inside
    "gre-pptp": (47, gre(IP, SYN4, version=1), OUTER),
    "gre-other": (47, gre(0x88cc, SYN4), OUTER),
    "vxlan-no-id": (17, udp(4789, vxlan(frame(IP, SYN4), flags=0)), OUTER),
    "other-port": (17, udp(4790, vxlan(frame(IP, SYN4))), OUTER),
    "cut": (4, SYN4[:22], OUTER),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_the_flow_inside_is_told(watching, pair, name):
    one, other = pair
    protocol, payload, told = CRAFTED[name]
    hosts.nft(other, GUARD.format(hook="input", match="meta l4proto { 4, 41, gre, udp }"))
    watcher = watching("why", "--netns", other, "-o", "json")
    hosts.sh(one, hosts.PYTHON, "-c", SEND, OUTER, protocol, payload.hex())
    finding = hosts.wait_finding(watcher, lambda f: f["pattern_id"] == "filter-drop")
    server = finding["connection"]["server"]
    assert server["ip"] == told
    assert told == OUTER or server["port"] == PORT
    assert any("found by evaluating the ruleset" in line for line in finding["evidence"])


def join_by_vxlan(one, other):
    """A tunnel t0 between the two: 192.168.77.1 and .2."""
    for name, n in ((one, 1), (other, 2)):
        try:
            hosts.sh(name, "ip", "link", "add", "t0", "type", "vxlan", "id", 7, "local", f"10.90.0.{n}",
                     "remote", f"10.90.0.{3 - n}", "dstport", 4789)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no VXLAN here: {error.stderr.strip()}")
        hosts.sh(name, "ip", "addr", "add", f"192.168.77.{n}/24", "dev", "t0")
    for name in (one, other):
        hosts.sh(name, "ip", "link", "set", "t0", "up")
    hosts.sh(one, "ping", "-n", "-c", "1", "-W", "5", INNER)


@pytest.mark.parametrize("where,hook", [("one", "output"), ("one", "postrouting"), ("other", "prerouting"), ("other", "input")])
def test_a_connection_through_vxlan(watching, pair, where, hook):
    one, other = pair
    join_by_vxlan(one, other)
    hosts.nft(one if where == "one" else other, GUARD.format(hook=hook, match="udp dport 4789"))
    watcher = watching("why", "--netns", one, "--netns", other, "-o", "json")
    assert hosts.dial(one, INNER, PORT, patience=1.3) == ["timeout"]
    finding = hosts.wait_finding(watcher, lambda f: f["status"] == "confirmed" and f["connection"]["server"]["ip"] == INNER)
    assert finding["pattern_id"] == "filter-drop"
    assert any(f"dropped in {hook.upper()}" in line and "tunnel packet UDP" in line for line in finding["evidence"])
    assert any(f"table inet guard chain {hook}" in line for line in finding["evidence"])
    assert watcher.stop() == 0
