# SPDX-License-Identifier: Apache-2.0
"""Make reference.tsv anew: what tshark says of the shared captures where their own tables are silent.

    reference.py CAPTURES > reference.tsv

ip_packets and ip_bytes: outermost IP headers, by total length. dup_acks: those tshark marks while the other end has
unacknowledged data (RFC 5681 2; tshark asks no such thing).
"""
import csv
import pathlib
import subprocess
import sys

FIELDS = ("ip.len", "ipv6.plen", "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "tcp.seq", "tcp.len", "tcp.ack",
          "tcp.flags", "tcp.analysis.duplicate_ack")
IP6_HEADER = 40
SYN, FIN = 2, 1


def packets(capture):
    """One {field: text} a frame."""
    done = subprocess.run(["tshark", "-n", "-r", capture, "-o", "tcp.relative_sequence_numbers:FALSE", "-T", "fields",
                           "-E", "occurrence=f", *[word for field in FIELDS for word in ("-e", field)]],
                          stdout=subprocess.PIPE, text=True, check=False)  # 2: the file is cut, and was read so far
    for line in done.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("\t")))


def ip_bytes(packet):
    """0 = no IP."""
    if packet["ip.len"]:
        return int(packet["ip.len"])
    return int(packet["ipv6.plen"]) + IP6_HEADER if packet["ipv6.plen"] else 0


class Acknowledgements:
    """What each end has sent so far, to tell whether anything waits for an acknowledgement."""

    def __init__(self):
        self.top, self.duplicates = {}, 0

    def add(self, packet):
        stream, sender = packet["tcp.stream"], packet["ip.src"] + packet["ipv6.src"] + ":" + packet["tcp.srcport"]
        ends = self.top.setdefault(stream, {})
        if packet["tcp.analysis.duplicate_ack"]:
            self.duplicates += any(top > int(packet["tcp.ack"]) for end, top in ends.items() if end != sender)
        flags = int(packet["tcp.flags"], 16)
        end = int(packet["tcp.seq"]) + int(packet["tcp.len"]) + bool(flags & SYN) + bool(flags & FIN)
        ends[sender] = max(ends.get(sender, 0), end)


def row(capture):
    sizes, acks = [], Acknowledgements()
    for packet in packets(capture):
        sizes.append(ip_bytes(packet))
        if packet["tcp.stream"]:
            acks.add(packet)
    return [capture.name, sum(size > 0 for size in sizes), sum(sizes), acks.duplicates]


def main():
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerow(["file", "ip_packets", "ip_bytes", "dup_acks"])
    place = pathlib.Path(sys.argv[1])
    with open(place / "ground_truth.tsv", encoding="utf-8") as table:
        names = [line.split("\t")[0] for line in table][1:]
    for name in names:
        writer.writerow(row(place / name))


if __name__ == "__main__":
    sys.exit(main())
