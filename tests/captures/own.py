# SPDX-License-Identifier: Apache-2.0
"""Captures the tests write themselves: what each must add up to is known by construction."""
import gzip
import struct

from frames import (A4, A6, ACK, B4, B6, ETHERNET, FIN, ICMP, ICMP6, IPV4, LOOP, MS, NULL, PPP, PSH, RAW, RST, S, SCTP,
                    SLL, SLL2, SYN, TCP, UDP, Talk, ethernet, icmp, ip4, ip6, pcap, pcapng, tcp, udp)

T0 = 1_600_000_000 * S


def framed(packets, *tags):
    return [(ts, ethernet(packet, *tags)) for ts, packet in packets]


def plain():
    """Handshake, one request, one answer, FIN both ways."""
    talk = Talk().open().send(0, PSH | ACK, b"x" * 100).send(1, PSH | ACK, b"y" * 300).close()
    return talk.packets


PLAIN = {"n_packets": 8, "bytes": 8 * 40 + 400, "header_bytes": 320, "new_bytes": 400, "tcp_connections": 1, "syn": 2,
         "n_syn_acks": 1, "fin": 2, "psh": 2, "ack": 7, "n_retrans": 0, "n_out_of_order": 0, "n_ended_fin": 1,
         "handshakes": {"0": 2 * MS}, "n_gaps_between": 7, "gap_ns": 7 * MS, "n_errors": 0}

CASES = {}


def case(function):
    CASES[function.__name__.replace("_", " ")] = function
    return function


@case
def every_link_type_tells_the_same(totals):
    four = {NULL: struct.pack("<I", 2), LOOP: struct.pack(">I", 2), PPP: b"\xff\x03\0\x21", RAW: b"", IPV4: b"",
            SLL: struct.pack(">HHH8sH", 0, 1, 6, b"", 0x800), SLL2: struct.pack(">HHIHBB8s", 0x800, 0, 1, 1, 0, 6, b"")}
    for link, head in four.items():
        totals.expect(pcap([(ts, head + packet) for ts, packet in plain()], link), PLAIN, f"link type {link}")
    big_endian = [(ts, struct.pack(">I", 2) + packet) for ts, packet in plain()]
    totals.expect(pcap(big_endian, NULL, ">"), PLAIN, "null, of a big-endian machine")


@case
def every_tag_is_taken_off(totals):
    for tags in ((), (0x8100,), (0x88a8, 0x8100), (0x9100, 0x8100), (0x8100, 0x8100, 0x8100)):
        totals.expect(pcap(framed(plain(), *tags)), PLAIN, f"tags {tags}")
    pppoe = [(ts, ethernet(b"\x11\0\0\7" + struct.pack(">HH", len(p) + 2, 0x21) + p, kind=0x8864)) for ts, p in plain()]
    totals.expect(pcap(pppoe), PLAIN, "PPPoE")
    mpls = [(ts, ethernet(struct.pack(">II", 16 << 12, 17 << 12 | 1 << 8) + p, kind=0x8847)) for ts, p in plain()]
    totals.expect(pcap(mpls), PLAIN, "MPLS")
    snap = [(ts, ethernet(p)[:12] + struct.pack(">H", len(p) + 8) + b"\xaa\xaa\3\0\0\0\x08\0" + p) for ts, p in plain()]
    totals.expect(pcap(snap), PLAIN, "802.2 SNAP")


@case
def every_file_format_tells_the_same(totals):
    frames = framed(plain())
    totals.expect(pcap(frames, order=">"), PLAIN, "big-endian")
    totals.expect(gzip.compress(pcap(frames)), PLAIN, "gzip")
    totals.expect(pcapng([(ts, 0, frame) for ts, frame in frames]), PLAIN, "pcapng")
    both = [(ts, n % 2, frame) for n, (ts, frame) in enumerate(frames)]
    totals.expect(pcapng(both, (ETHERNET, ETHERNET)), PLAIN, "pcapng, two interfaces")
    totals.expect(pcap(frames), PLAIN, "stdin", stdin=True)
    totals.expect(gzip.compress(pcap(frames)), PLAIN, "gzip on stdin", stdin=True)


@case
def what_libpcap_cannot_mix_is_refused_in_one_line(totals):
    mixed = pcapng([(T0, 0, ethernet(plain()[0][1])), (T0, 1, plain()[1][1])], (ETHERNET, RAW))
    totals.refuse(mixed, "the first interface")
    totals.refuse(pcap([], 105), "link type")
    totals.refuse(b"no capture at all, but long enough for a header", "unknown file format")


@case
def a_cut_file_is_read_as_far_as_it_goes(totals):
    frames = framed(plain())
    so_far = {"n_packets": 7, "is_truncated": 1, "n_ended_fin": 0}
    totals.expect(pcap(frames, cut=10), so_far, "pcap")
    totals.expect(gzip.compress(pcap(frames))[:-30], {"is_truncated": 1}, "gzip")
    totals.expect(pcap(frames), {"is_truncated": 0}, "whole")


@case
def padding_is_not_payload(totals):
    padded = [(ts, frame + b"\0" * max(0, 60 - len(frame))) for ts, frame in framed(plain())]
    totals.expect(pcap(padded), PLAIN)


@case
def frames_cut_short_count_in_full(totals):
    totals.expect(pcap(framed(plain()), snap=54), PLAIN)
    totals.expect(pcap(framed(plain()), snap=53), {"n_packets": 0, "cut": 8})


@case
def what_is_no_ip_is_counted(totals):
    frames = [(T0, ethernet(b"\0" * 46, kind=0x0806)), (T0, b"\1\2\3"), (T0, ethernet(b"\x70" + b"\0" * 40, kind=0x0800))]
    totals.expect(pcap(frames), {"frames": 3, "packets": 0, "other": 3, "cut": 0, "windows": 0})


@case
def sequence_numbers_wrap_around(totals):
    talk = Talk(isn=(2**32 - 1500, 2**31 - 700)).open()
    for _ in range(4):
        talk.send(0, ACK, b"x" * 1000).send(1, ACK, b"y" * 500)
    again = 2**32 - 1500 + 1 + 1000  # the segment that straddles zero
    talk.send(0, ACK, b"x" * 1000, seq=again, after=S).send(1, ACK)
    totals.expect(pcap(framed(talk.packets)), {"new_bytes": 6000, "retrans_bytes": 1000, "n_retrans": 1, "n_wire_retrans": 1,
                                               "n_out_of_order": 0, "n_gaps": 0})


@case
def a_gap_that_is_filled_is_reordering(totals):
    talk = Talk().open()
    base = talk.next[0]
    for n in (0, 2, 3, 1, 1):  # the second comes late, and then once more
        talk.send(0, ACK, bytes(100), seq=base + n * 100, after=MS // 2)
    totals.expect(pcap(framed(talk.packets)), {"n_gaps": 1, "n_out_of_order": 1, "n_retrans": 1, "new_bytes": 400,
                                               "retrans_bytes": 100, "n_wire_out_of_order": 2})


@case
def partly_new_segments_are_counted_byte_by_byte(totals):
    talk = Talk().open()
    base = talk.next[0]
    talk.send(0, ACK, bytes(100)).send(0, ACK, bytes(150), seq=base + 50, after=S)
    totals.expect(pcap(framed(talk.packets)), {"new_bytes": 200, "retrans_bytes": 50, "n_retrans": 1})


@case
def time_that_runs_back_is_counted_and_takes_no_time(totals):
    packets = [(T0 + at * MS, packet) for at, (_, packet) in zip((10, 20, 30, 25, 40, 50, 60, 70), plain())]
    totals.expect(pcap(framed(packets)), PLAIN | {"n_reversals": 1, "gap_ns": 60 * MS, "handshakes": {"0": 20 * MS}})
    late = [(T0 + at * S, packet) for at, (_, packet) in zip((10, 11, 12, 3, 13, 14, 15, 16), plain())]
    totals.expect(pcap(framed(late)), {"n_packets": 8, "late": 1, "n_reversals": 1, "n_retrans": 0})


@case
def ip6_extension_headers_are_passed(totals):
    pad = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # next header, length 0, PadN

    def wrapped(chain):
        def wrap(segment, proto, src, dst):
            kinds = [*chain, proto]
            for at in range(len(chain) - 1, -1, -1):
                segment = bytes([kinds[at + 1]]) + (b"\4" + bytes(22) if chain[at] == 51 else pad[1:]) + segment
            return ip6(segment, kinds[0], src, dst)
        return wrap

    for chain in ((), (0,), (0, 43, 60), (51,), (0, 60, 43, 60, 135)):
        talk = Talk(wrap=wrapped(chain), ends=(A6, B6)).open().send(0, PSH | ACK, b"x" * 100).close()
        totals.expect(pcap(framed(talk.packets)), {"n_packets": 7, "tcp_connections": 1, "new_bytes": 100, "n_ended_fin": 1,
                                                   "handshakes": {"0": 2 * MS}}, f"chain {chain}")


def fragments4(payload, ident, src, dst, size=1480):
    for at in range(0, len(payload), size):
        more = 0x2000 if at + size < len(payload) else 0
        yield ip4(payload[at:at + size], UDP, src, dst, ident, more | at // 8)


@case
def fragments_belong_to_the_flow_of_the_first(totals):
    question, answer = udp(4000, 53, bytes(40)), udp(53, 4000, bytes(4000))
    packets = [ip4(question, UDP), *fragments4(answer, 7, B4, A4), *fragments4(answer, 8, B4, A4)]
    frames = [(T0 + n * MS, ethernet(packet)) for n, packet in enumerate(packets)]
    totals.expect(pcap(frames), {"n_packets": 7, "flows": 1, "udp_connections": 1, "bytes": 68 + 2 * (60 + 4008),
                                 "new_bytes": 40 + 8000, "n_latencies": 1})

    def fragment6(at, more, data):
        return ip6(struct.pack(">BBHI", UDP, 0, at | more, 99) + data, 44)
    datagram = udp(5000, 6000, bytes(2000))
    frames = [(T0, ethernet(fragment6(0, 1, datagram[:1448]))), (T0 + MS, ethernet(fragment6(1448, 0, datagram[1448:])))]
    totals.expect(pcap(frames), {"n_packets": 2, "flows": 1, "new_bytes": 2000}, "IPv6")


@case
def a_fragment_without_the_first_is_a_flow_without_ports(totals):
    late = list(fragments4(udp(1, 2, bytes(3000)), 5, A4, B4))[1:]
    totals.expect(pcap([(T0, ethernet(packet)) for packet in late]), {"n_packets": 2, "flows": 1, "n_data": 2})


@case
def sctp_and_echo_have_their_flows(totals):
    packets = [ip4(struct.pack(">HHII", 7000, 7001, 1, 0) + bytes(16), SCTP),
               ip4(struct.pack(">HHII", 7001, 7000, 1, 0) + bytes(16), SCTP, B4, A4),
               ip4(icmp(8, rest=b"\0\7\0\1"), ICMP), ip4(icmp(0, rest=b"\0\7\0\1"), ICMP, B4, A4),
               ip4(icmp(8, rest=b"\0\x08\0\1"), ICMP), ip6(icmp(128, rest=b"\0\7\0\1"), ICMP6)]
    frames = [(T0 + n * MS, ethernet(packet)) for n, packet in enumerate(packets)]
    totals.expect(pcap(frames), {"n_packets": 6, "flows": 4, "n_latencies": 2, "latency_ns": 2 * MS})


@case
def icmp_errors_count_in_the_flow_they_quote(totals):
    question = ip4(udp(4000, 9, b"?"), UDP)
    error = ip4(icmp(3, 3, payload=question[:28]), ICMP, B4, A4)
    stranger = ip4(icmp(3, 3, payload=ip4(udp(1, 2), UDP)[:28]), ICMP, B4, A4)
    frames = [(T0, ethernet(question)), (T0 + MS, ethernet(error)), (T0 + MS, ethernet(stranger))]
    totals.expect(pcap(frames), {"flows": 2, "n_errors": 1, "n_rows": 2})
    later = [(T0, ethernet(question)), (T0 + 20 * S, ethernet(error))]
    totals.expect(pcap(later), {"n_errors": 1, "n_rows": 3, "windows": 2}, "in a window without packets of the flow")


@case
def a_bad_checksum_is_an_error(totals):
    good = ip4(udp(1, 2, b"x"), UDP)
    bad, none = good[:10] + b"\x12\x34" + good[12:], good[:10] + b"\0\0" + good[12:]
    totals.expect(pcap([(T0, ethernet(packet)) for packet in (good, bad, none)]), {"n_packets": 3, "n_errors": 1})


@case
def ports_used_again_are_another_connection(totals):
    first, second = Talk(), Talk(isn=(900_000, 910_000), start=T0 + S)
    first.open().close()
    second.open().send(0, RST | ACK)
    totals.expect(pcap(framed(first.packets + second.packets)),
                  {"tcp_connections": 2, "n_ended_fin": 1, "n_ended_rst": 1, "n_retrans": 0,
                   "handshakes": {"0": 2 * MS, "1": 2 * MS}})


@case
def half_open_ones_are_seen_for_a_minute(totals):
    syn = [(T0 + n * MS, ethernet(ip4(tcp(1000 + n, 80, 1, 0, SYN)))) for n in range(20)]
    others = [(T0 + n * 10 * S, ethernet(ip4(udp(9, 9), UDP))) for n in range(1, 10)]
    # windows at 10, 20 ... 90 s: the SYNs are younger than 60 s at the end of the first five
    totals.expect(pcap(syn + others), {"n_half_open": 5 * 20, "tcp_connections": 20, "n_rows": 20 + 9})


@case
def a_full_table_counts_what_it_gives_up_and_loses_no_row(totals):
    flows = [(T0 + n * MS, ethernet(ip4(udp(1 + n, 9, b"x"), UDP))) for n in range(1000)]
    whole = {"n_packets": 1000, "n_rows": 1000, "flows": 1000, "new_bytes": 1000}
    totals.expect(pcap(flows), whole | {"evicted": 0})
    totals.expect(pcap(flows), whole | {"evicted": 990}, "room for ten", window_ms=5000, max_flows=10)
    totals.expect(pcap(flows), whole | {"evicted": 999}, "room for one", window_ms=5000, max_flows=1)


@case
def silent_flows_are_given_up_after_the_idle_time(totals):
    one = [(T0 + n * S, ethernet(ip4(udp(1, 9, b"x"), UDP))) for n in (0, 10, 40)]
    clock = [(T0 + n * S, ethernet(ip4(udp(2, 9, b"x"), UDP))) for n in range(60)]
    both = pcap(sorted(one + clock))
    totals.expect(both, {"expired": 0, "n_timed_out": 0, "flows": 2}, window_ms=1000, max_flows=10, idle_ms=0)
    totals.expect(both, {"expired": 1, "n_timed_out": 1, "flows": 3}, window_ms=1000, max_flows=10, idle_ms=20_000)
    totals.expect(both, {"expired": 3, "n_timed_out": 3, "flows": 4}, "idle for 5 s", window_ms=1000, max_flows=10, idle_ms=5000)


@case
def every_flag_is_counted_in_its_column(totals):
    for bit, name in enumerate(("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")):
        packets = [(T0 + n * MS, ethernet(ip4(tcp(1, 2, 10, 0, flags)))) for n, flags in enumerate((1 << bit, 0, 1 << bit))]
        others = {other: 0 for other in ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr") if other != name}
        totals.expect(pcap(packets), others | {name: 2}, name)
    totals.expect(pcap([(T0, ethernet(ip4(tcp(1, 2, 10, 0, 0xff))))]),
                  {name: 1 for name in ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "n_syn_acks")}, "all")


@case
def what_cannot_be_opened_is_said(totals):
    totals.refuse(b"", "truncated")
    done = totals.call("no-such-file")
    if done.returncode != 1 or b"No such file" not in done.stderr:
        totals.wrong.append(f"a file that is not there: {done.returncode} {done.stderr}")


@case
def a_closed_flow_takes_no_room_for_long(totals):
    packets = []
    for n in range(50):
        packets += Talk(ports=(1000 + n, 80), start=T0 + n * 10 * S).open().close().packets
    totals.expect(pcap(framed(packets)), {"tcp_connections": 50, "n_ended_fin": 50, "evicted": 0}, window_ms=1000,
                  max_flows=3)


@case
def the_length_of_windows_changes_no_sum(totals):
    talk = Talk()
    talk.open()
    for n in range(200):
        talk.send(n % 2, PSH | ACK, bytes(1 + n), after=(7 * n % 1000) * MS)
    talk.close()
    totals.invariant(pcap(framed(talk.packets)))


@case
def a_shut_window_is_timed(totals):
    talk = Talk().open().send(0, ACK, bytes(100)).send(1, ACK, window=0).send(0, ACK, b"p", after=S)
    talk.send(1, ACK, window=0, after=MS).send(1, ACK, window=500, after=S)
    totals.expect(pcap(framed(talk.packets)), {"n_zero_windows": 2, "n_window_probes": 1, "zero_window_ns": 2 * S + MS,
                                               "n_retrans": 0})


@case
def keep_alives_are_no_retransmissions(totals):
    talk = Talk().open().send(0, ACK, bytes(100)).send(1, ACK)
    for _ in range(3):
        talk.send(0, ACK, b"k", seq=talk.next[0] - 1, after=S).send(1, ACK)
    totals.expect(pcap(framed(talk.packets)), {"n_keepalives": 3, "n_retrans": 0, "n_dup_acks": 0})


@case
def an_initiator_is_told_by_the_handshake(totals):
    answer = Talk(ports=(50000, 80))
    answer.send(1, SYN | ACK).send(0, ACK).send(1, FIN | ACK).send(0, FIN | ACK).send(1, ACK)
    totals.expect(pcap(framed(answer.packets)), {"tcp_connections": 1, "n_ended_fin": 1, "handshakes": {}})
