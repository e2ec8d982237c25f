# SPDX-License-Identifier: Apache-2.0
"""`why -r CAPTURE`: what tcpdump saw of the laboratory's faults, and of captures other people made, is explained."""
import dataclasses
import json
import pathlib
import secrets
import signal
import socket
import subprocess

import judge
import pytest
import scenes
import topology

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
PCAPS, L7 = SHARED / "pcaps", SHARED / "l7"
LIMIT_S = 60
LONG = 4.2  # patience in seconds of a client that is worth a second retransmission

# scenario, where tcpdump ran, its patience if it matters, and what may be said of it besides the truth, with the reason
SCENARIOS = [
    ("refused", "client", None, {}),
    ("refused-v6", "server", None, {}),
    ("black-hole", "client", LONG, {}),
    ("drop-input", "client", LONG, {"black-hole": "a filter that drops says nothing to the wire"}),
    ("backlog-syn", "client", LONG, {"black-hole": "a listener with a full queue says nothing either"}),
    ("backlog-ack", "server", LONG, {}),
    ("reject-icmp-input", "client", None, {}),
    ("reject-reset-forward", "client", None, {"nothing-listens": "a RST looks the same whoever sends it"}),
    ("unread-close", "client", None, {}),
    ("linger-zero", "server", None, {}),
    ("server-killed", "client", None, {"lost-state": "packets do not tell that a process died",
                                       "server-abort": "the same, when data was unread"}),
    ("server-recreated", "client", None, {}),
    ("zero-window", "server", None, {}),
    ("pmtu-black-hole", "client", None, {}),
    ("half-open-close", "client", None, {}),
    ("conntrack-invalid", "client", LONG, {"keepalive-timeout": "all that is seen is that nobody answers any more"}),
    ("return-path-loss", "server", LONG, {}),
    ("return-path-loss", "client", LONG, {"black-hole": "from here it looks as if the SYN were lost"}),
    ("no-route-router", "client", None, {}),
    ("ttl-exceeded", "client", None, {}),
    ("absent-behind-router", "client", None, {}),
    ("udp-unreachable", "client", None, {}),
    ("loss-25", "client", None, {"nothing": "in a lucky run fewer than six segments are resent: no trouble in a capture"}),
]
HEALTHY = ["bulk-upload", "churn", "half-close", "keepalive-idle", "pmtu-ok", "port-scan-open", "rolling-restart",
           "time-wait-reuse", "udp-echo"]


def told(run, path, *args):
    """The findings about a capture."""
    done = run("why", "-q", "-r", path, "-o", "json", *args, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- the laboratory -------------------------------------------------------------------------------

class Tcpdump:
    """tcpdump on every device of a role, from its first line to stop()."""

    def __init__(self, role, path):
        self.role, self.path = role, path
        self.process = role.spawn(["tcpdump", "-i", "any", "-n", "-U", "--immediate-mode", "-s", "256", "-w", str(path)],
                                  stderr=subprocess.PIPE, text=True)
        line = ""
        while "listening on" not in line:
            line = self.process.stderr.readline()
            assert line, "tcpdump did not start"

    def stop(self):
        """When a last datagram has arrived in the file, everything before it has."""
        mark = secrets.token_bytes(16)
        with self.role.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.sendto(mark, sock.getsockname())
        topology.wait_for(lambda: mark in self.path.read_bytes(), 10, "the last packet in the capture", pause=0.05)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


def capture(name, where, patience, path):
    """Run a scenario once beside tcpdump; (its flows, what the application saw)."""
    scenario = scenes.load(name)
    with topology.make(f"pcap-{name}-{where}", scenario.TRUTH, secrets.token_hex(4)) as lab:
        lab.links_up()
        if patience:
            lab.patience = lambda *_: patience
        dump = Tcpdump(getattr(lab, where), path)
        app, flows = scenario.run(lab)
        dump.stop()
    return [dataclasses.asdict(f) for f in flows], app if isinstance(app, list) else [app]


@pytest.mark.root
@pytest.mark.parametrize("name,where,patience,weaker", SCENARIOS, ids=[f"{s[0]}-{s[1]}" for s in SCENARIOS])
def test_fault_is_explained_from_a_capture(run, tmp_path, name, where, patience, weaker):
    path, truth = tmp_path / "x.pcap", scenes.load(name).TRUTH
    flows, app = capture(name, where, patience, path)
    assert judge.reproduced(truth, app), app
    about = [f for f in told(run, path) if any(judge.about(f, flow) for flow in flows)]
    assert judge.verdict(about) in judge.expected(truth) + list(weaker)
    for finding in about:
        assert finding["confidence_score"] <= 0.80
        assert {item["hook"] for item in finding["evidence_items"]} == {"capture"}
        assert "only packets were seen" in finding["evidence"][-1]
        assert finding["connection"]["process"] is None


@pytest.mark.root
@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_about_a_healthy_capture(run, tmp_path, name):
    capture(name, "client", None, tmp_path / "x.pcap")
    assert told(run, tmp_path / "x.pcap") == []


# ---- captures other people made ----------------------------------------------------------------------

# Every finding, looked at beside tshark; a capture that is not here says nothing.
EXPECTED = {
    "deepflow_server_queue_lack.pcap": {"accept-queue-overflow"},
    "ndpi_synscan.pcap": {"nothing-listens"},          # the closed ports answer
    "tcptrace_discard_solaris.pcap": {"nothing-listens", "packet-loss"},  # two hosts refuse, 105 retransmissions
    "tcptrace_zwnd.pcap.gz": {"zero-window"},
    "zeek_http_206_example_b.pcap": {"packet-loss", "keepalive-timeout"},  # the server repeats 80 s in vain, then resets
    "amqp1.pcap": {"nothing-listens"},                 # [::1] refuses, then 127.0.0.1 is tried
    "amqp2.pcap": {"nothing-listens"},
    "amqp3.pcap": {"nothing-listens"},
    "server-queue-lack.pcap": {"accept-queue-overflow"},
    "server-reset.pcap": {"nothing-listens"},
    "one_tcp_rst.pcap": {"nothing-listens"},
    "almost-resp.pcap": {"nothing-listens", "server-abort"},  # [::1] refuses; RST,ACK instead of a FIN
    "attr.pcap": {"nothing-listens"},
    "option-sack.pcap": {"black-hole"},                # four SYNs in 12 s, nothing else
    "deepflow_dns_nxdomain.pcap": {"dns-failure"},     # NXDOMAIN
    "pcpp_DnsPackets.pcap": {"dns-failure"},
    "dns.pcap": {"dns-failure"},
    "udp_normal.pcap": {"dns-failure"},
    "dns-tcp-multirequest-buffer.pcap": {"dns-failure"},
    "sshfp-trunc.pcap": {"dns-failure"},
    "dns_notify2.pcap": {"dns-failure"},               # REFUSED
    "ndpi_1kxun.pcap": {"request-error"},              # 502
    "one_http_stream_rst.pcap": {"request-error"},     # 503
    "01-fetch-v12-unknown.pcap": {"request-error"},    # Kafka error codes
    "11-join-group-v7.pcap": {"request-error"},
    "message-too-big-status.pcap": {"request-error"},  # WebSocket close 1009
    "https-to-http.pcap": {"protocol-mismatch"},
    "ssl-to-http-server.pcap": {"protocol-mismatch"},
    "tls-early-alert.pcap": {"tls-handshake"},         # unrecognized_name
}

# Of several captures of one name, those that say something.
EXPECTED_PATHS = {
    "pgsql-cancel-request/input.pcap": {"request-error"},  # SQLSTATE 57014
    "dns-answer-emptydata/input.pcap": {"dns-failure"},    # REFUSED
}


def shared_captures():
    names = (p for root in (PCAPS, L7) if root.is_dir() for p in sorted(root.rglob("*.*")))
    return [p for p in names if p.suffix in (".pcap", ".pcapng", ".cap") or p.name.endswith(".pcap.gz")]


@pytest.mark.skipif(not PCAPS.is_dir(), reason="no shared captures beside the checkout")
def test_shared_captures_say_what_tshark_shows(run):
    wrong = {}
    for path in shared_captures():
        done = run("why", "-q", "-r", path, "-o", "json", timeout=LIMIT_S)
        said = {json.loads(line)["pattern_id"] for line in done.stdout.splitlines()}
        expected = EXPECTED_PATHS.get("/".join(path.parts[-2:])) or EXPECTED.get(path.name, set())
        if said != expected:
            wrong["/".join(path.parts[-2:])] = said
    assert not wrong


@pytest.mark.skipif(not PCAPS.is_dir(), reason="no shared captures beside the checkout")
def test_a_syn_that_got_through_is_no_failure(run):
    for name in ("deepflow_syn_retrans.pcap", "deepflow_syn_synack_retrans.pcap"):
        assert told(run, PCAPS / name) == []


# ---- files ---------------------------------------------------------------------------------------------

def put_capture(path, packets):
    """A pcap of raw IP packets: [(seconds, bytes)]."""
    head = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000065000000")
    rows = (int(at).to_bytes(4, "little") + int(at % 1 * 1e6).to_bytes(4, "little") +
            2 * len(data).to_bytes(4, "little") + data for at, data in packets)
    path.write_bytes(head + b"".join(rows))


def segment(source, to, flags, seq, ack):
    """A TCP segment without data between 10.0.0.SOURCE and 10.0.0.TO; the server has port 80."""
    address = bytes((10, 0, 0, source)), bytes((10, 0, 0, to))
    ports = [port.to_bytes(2, "big") for port in (40000, 80)][::1 if source == 1 else -1]
    return (bytes((0x45, 0, 0, 40, 0, seq % 256, 0, 0, 64, 6, 0, 0)) + b"".join(address) + b"".join(ports) +
            seq.to_bytes(4, "big") + ack.to_bytes(4, "big") + bytes((0x50, flags)) + bytes((32, 0, 0, 0, 0, 0)))


REFUSED = [(1_700_000_000.25, segment(1, 2, 0x02, 100, 0)), (1_700_000_000.5, segment(2, 1, 0x14, 0, 101))]


def test_time_is_the_captures(run, tmp_path):
    put_capture(tmp_path / "x.pcap", REFUSED)
    finding, = told(run, tmp_path / "x.pcap")
    assert finding["pattern_id"] == "nothing-listens" and finding["status"] == "confirmed"
    assert finding["timestamp"].startswith("2023-11-14T22:13:20.5")
    assert finding["first_signal_ns"] == 1_700_000_000_500_000_000


def test_a_capture_is_known_by_its_content(run, tmp_path):
    put_capture(tmp_path / "x.xcr", REFUSED)
    assert len(told(run, tmp_path / "x.xcr")) == 1
    (tmp_path / "y.pcap").write_bytes(b"no capture at all, and no recording")
    done = run("why", "-r", tmp_path / "y.pcap")
    assert done.returncode and "is not a crosscut recording" in done.stderr


def test_a_capture_may_come_through_stdin(crosscut, env, tmp_path):
    put_capture(tmp_path / "x.pcap", REFUSED)
    with open(tmp_path / "x.pcap", "rb") as stdin:
        done = subprocess.run([crosscut, "why", "-q", "-r", "-", "-o", "json"], env=env, stdin=stdin, check=False,
                              capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0 and json.loads(done.stdout)["pattern_id"] == "nothing-listens"


def test_a_recording_of_a_capture_says_the_same(run, tmp_path):
    put_capture(tmp_path / "x.pcap", REFUSED)
    said = run("why", "-q", "-r", tmp_path / "x.pcap", "-o", "json", "--record", tmp_path / "x.xcr").stdout
    assert said and said == run("why", "-q", "-r", tmp_path / "x.pcap", "-o", "json").stdout
    assert said == run("why", "-q", "-r", tmp_path / "x.xcr", "-o", "json").stdout


def test_a_capture_that_is_cut_is_read_as_far_as_it_goes(run, tmp_path):
    put_capture(tmp_path / "x.pcap", REFUSED + REFUSED)
    data = (tmp_path / "x.pcap").read_bytes()
    (tmp_path / "x.pcap").write_bytes(data[:-10])
    done = run("why", "-r", tmp_path / "x.pcap", "-o", "json")
    assert done.returncode == 0 and "warning" in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_a_time_limit_is_for_live_runs(run, tmp_path):
    put_capture(tmp_path / "x.pcap", REFUSED)
    assert len(told(run, tmp_path / "x.pcap", "--duration", "1s")) == 1


def test_a_filter_holds(run, tmp_path):
    put_capture(tmp_path / "x.pcap", REFUSED)
    assert told(run, tmp_path / "x.pcap", "--to", ":81") == []
    assert len(told(run, tmp_path / "x.pcap", "--to", "10.0.0.2:80")) == 1
