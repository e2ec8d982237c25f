# SPDX-License-Identifier: Apache-2.0
"""Frames and capture files, byte by byte: what the tests send through crosscut without a network."""
import ipaddress
import struct

ETHERNET, NULL, RAW, LOOP, SLL, SLL2, PPP, IPV4 = 1, 0, 101, 108, 113, 276, 9, 228
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, UDP, ICMP, ICMP6, SCTP = 6, 17, 1, 58, 132
A4, B4, A6, B6 = "192.0.2.1", "198.51.100.2", "2001:db8::1", "2001:db8::2"
MS, S = 1_000_000, 1_000_000_000
MTU = 1500


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(payload, proto=TCP, src=A4, dst=B4, ident=1, fragment=0, ttl=64, total=None):
    """@fragment: the 16 bits of flags and offset."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total or 20 + len(payload), ident, fragment, ttl, proto, 0,
                       ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ip6(payload, proto=TCP, src=A6, dst=B6, ttl=64):
    """Extension headers are part of @payload."""
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), proto, ttl,
                       ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed) + payload


def tcp(sport, dport, seq, ack, flags, payload=b"", window=1000, options=b""):
    return struct.pack(">HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, (5 + len(options) // 4) << 4, flags,
                       window, 0, 0) + options + payload


def udp(sport, dport, payload=b""):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def icmp(kind, code=0, rest=b"\0\0\0\0", payload=b""):
    return struct.pack(">BBH4s", kind, code, 0, rest) + payload


def ethernet(packet, *tags, kind=None):
    """@tags: EtherTypes of VLAN headers, the outermost first."""
    kind = kind or (0x86dd if packet[0] >> 4 == 6 else 0x0800)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + b"".join(struct.pack(">HH", tag, 7) for tag in tags) \
        + struct.pack(">H", kind) + packet


def pcap(packets, link=ETHERNET, order="<", snap=262144, cut=0):
    """A file of (time in ns, frame). @cut: bytes missing at its end."""
    out = struct.pack(order + "IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, snap, link)
    for ts, frame in packets:
        out += struct.pack(order + "IIII", ts // S, ts % S, len(frame[:snap]), len(frame)) + frame[:snap]
    return out[:len(out) - cut]


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(packets, links=(ETHERNET,)):
    """A file of (time in ns, interface, frame), in microseconds as most are."""
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += b"".join(block(1, struct.pack("<HHI", link, 0, 262144)) for link in links)
    for ts, interface, frame in packets:
        out += block(6, struct.pack("<IIIII", interface, ts // 1000 >> 32, ts // 1000 & 0xffffffff, len(frame),
                                    len(frame)) + frame)
    return out


class Talk:
    """One TCP connection, packet by packet: .packets holds (time in ns, IP packet)."""

    def __init__(self, isn=(1000, 5000), start=1_600_000_000 * S, ports=(40000, 80), wrap=ip4, ends=(A4, B4)):
        self.next, self.now, self.ports, self.wrap, self.ends = list(isn), start, ports, wrap, ends
        self.packets = []

    def send(self, who, flags, payload=b"", after=MS, seq=None, **more):
        """@who: 0 = client, 1 = server. @seq: given = sent again, or ahead; the stream does not move."""
        self.now += after
        at = self.next[who] if seq is None else seq
        segment = tcp(self.ports[who], self.ports[1 - who], at, self.next[1 - who] if flags & ACK else 0, flags,
                      payload, **more)
        self.packets.append((self.now, self.wrap(segment, TCP, self.ends[who], self.ends[1 - who])))
        if seq is None:
            self.next[who] += len(payload) + bool(flags & SYN) + bool(flags & FIN)
        return self

    def open(self):
        return self.send(0, SYN).send(1, SYN | ACK).send(0, ACK)

    def close(self):
        return self.send(0, FIN | ACK).send(1, FIN | ACK).send(0, ACK)
