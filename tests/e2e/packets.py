# SPDX-License-Identifier: Apache-2.0
"""Captures made by hand: a test says which packets there are, so it knows what must be told of them."""
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
RAW = 101  # link type: the packets begin with their IP header


def address(text):
    return bytes(map(int, text.split(".")))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ip(source, to, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, address(source), address(to))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(ends, flags, seq, ack, data=b""):
    """`ends`: ((address, port) of the sender, and of who receives it)."""
    (source, sport), (to, dport) = ends
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0)
    return ip(source, to, 6, head + data)


def udp(ends, data):
    (source, sport), (to, dport) = ends
    return ip(source, to, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def connection(client, server, start, request=b"hello", lost=0):
    """(time in s, packet) of one connection: handshake, a request that is sent `lost` times more, an answer, its end."""
    up, down = (client, server), (server, client)
    n = len(request)
    yield start, tcp(up, SYN, 100, 0)
    yield start + 0.001, tcp(down, SYN | ACK, 900, 101)
    yield start + 0.002, tcp(up, ACK, 101, 901)
    for i in range(1 + lost):
        yield start + 0.003 + 0.2 * i, tcp(up, PSH | ACK, 101, 901, request)
    late = start + 0.004 + 0.2 * lost
    yield late, tcp(down, PSH | ACK, 901, 101 + n, b"world!")
    yield late + 0.001, tcp(up, FIN | ACK, 101 + n, 907)
    yield late + 0.002, tcp(down, FIN | ACK, 907, 102 + n)
    yield late + 0.003, tcp(up, ACK, 102 + n, 908)


def write(path, packets):
    """A pcap file with nanoseconds."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, RAW))
        for time, packet in packets:
            ns = round(time * 1e9)
            out.write(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(packet), len(packet)) + packet)
    return path
