# SPDX-License-Identifier: Apache-2.0
"""Requests between real programs, live: DNS, TLS, Kafka, NATS. What observe tells equals what the programs say."""
import collections
import json
import re

import pytest

import stage as st

pytestmark = pytest.mark.root
PORT = 7070  # nobody's: protocols are told from content


def undisturbed(told, answers, is_datagram=False):
    """Of datagrams only their content tells who asks."""
    assert not told.lost()
    assert st.flags(answers) <= ({"role_inferred"} if is_datagram else set())


# ---- DNS ------------------------------------------------------------------------------------------------

# Answers every query but the first one it gets for each name: a client has to ask again.
FORGETFUL = r"""
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("127.0.0.1", int(sys.argv[1])))
    seen = set()
    while True:
        query, client = s.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        if query[12:end] in seen:
            s.sendto(query[:2] + b"\x85\x80\0\1\0\0\0\0\0\0" + query[12:end], client)
        seen.add(query[12:end])
"""

# ... and a client that asks again as resolv.conf(5) has it: the same datagram, from the same port
ASK_TWICE = r"""
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect(("127.0.0.1", int(sys.argv[1])))
    s.settimeout(0.3)
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\5twice\4test\0\0\1\0\1"
    try:
        s.send(query)
        s.recv(512)
    except TimeoutError:
        s.send(query)
        s.recv(512)
"""


@pytest.fixture
def dnsmasq(stage):
    return stage.serve("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port", PORT,
                       "--listen-address", st.HERE, "--bind-interfaces", "--user=root", "--pid-file=",
                       "--address=/ok.test/192.0.2.1", "--address=/ok.test/2001:db8::1", "--local=/test/",
                       port=PORT, protocol="udp")


def test_dns_dnsperf(stage, dnsmasq):
    """Many at once, of two kinds; the client counts the codes."""
    names = stage.file("names", "".join(f"n{i}.{'ok' if i % 3 else 'no'}.test A\n" for i in range(300)))
    stage.watch()
    done = stage.run("dnsperf", "-s", st.HERE, "-p", PORT, "-d", names, "-n", "2", "-c", "4", "-q", "20")
    told = stage.ended()
    answers = told.answers("dns")
    codes = {word: int(n) for word, n in re.findall(r"([A-Z]+) (\d+) \(", re.search("Response codes:(.*)", done.out)[1])}
    assert st.tally(answers, "text") == codes == {"NOERROR": 400, "NXDOMAIN": 200}
    assert re.search(r"Queries lost: +0 ", done.out)
    assert set(st.tally(answers, "target").values()) == {2}
    undisturbed(told, answers, True)
    assert (st.clients(answers), st.servers(answers)) == ({st.End(done.pid, "dnsperf")}, {st.End(dnsmasq.pid, "dnsmasq")})


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dns_dig(stage, dnsmasq, transport):
    """Types, codes and answers as dig prints them, over UDP and over TCP."""
    stage.watch()
    ask = ["dig", f"@{st.HERE}", "-p", str(PORT), transport, "+noall", "+comments", "+answer", "+tries=1"]
    out = ""
    for name, kind in (("ok.test", "A"), ("ok.test", "AAAA"), ("no.test", "A"), ("ok.test", "TXT"),
                       ("elsewhere.example", "A")):
        out += stage.run(*ask, name, kind).out
    told = stage.ended()
    answers = told.answers("dns")
    assert [a.text for a in answers] == re.findall(r"status: (\w+)", out)
    assert [a.text for a in answers] == ["NOERROR", "NOERROR", "NXDOMAIN", "NXDOMAIN", "REFUSED"]
    assert [(a.method, a.target) for a in answers[1:3]] == [("AAAA", "ok.test"), ("A", "no.test")]
    data = [r["data"] for a in answers for r in a.event["dns_data"]["answers"]]
    assert data == re.findall(r"\sIN\s+A+\s+(\S+)", out) == ["192.0.2.1", "2001:db8::1"]
    undisturbed(told, answers, transport == "+notcp")
    assert {e.command for e in st.clients(answers)} <= {"dig", "isc-net-0000"}  # its threads have names
    assert st.servers(answers) == {st.End(dnsmasq.pid, "dnsmasq")}


def test_dns_retries(stage):
    """A query that is repeated from its port is one request, answered late; from another port it is another."""
    stage.serve(st.PYTHON, "-c", FORGETFUL, PORT, port=PORT, protocol="udp")
    stage.watch()
    stage.run(st.PYTHON, "-c", ASK_TWICE, PORT)
    done = stage.run("dig", f"@{st.HERE}", "-p", PORT, "+notcp", "+time=1", "+tries=2", "again.test")
    told = stage.ended()
    answers = told.answers("dns")
    twice, = [a for a in answers if a.target == "twice.test"]
    assert (twice.text, "resent" in twice.event["flags"], twice.event["latency"] >= 300e6) == ("NOERROR", True, True)
    again = [a for a in answers if a.target == "again.test"]
    assert "status: NOERROR" in done.out
    assert {a.text for a in again} == {None, "NOERROR"} and len(again) == 2
    assert not told.lost()


# ---- TLS ------------------------------------------------------------------------------------------------

@pytest.fixture
def certificate(stage):
    """Of www.example.test, self-signed."""
    stage.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
              "-days", "9", "-subj", "/CN=www.example.test", "-keyout", stage.place / "key", "-out", stage.place / "cert")
    return ["-cert", stage.place / "cert", "-key", stage.place / "key"]


def hellos(told):
    return [a for a in (st.answer_of(e) for e in told.of_type("tls_hello")) if a.event["l7_data"]["is_response"]]


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_tls_hello(stage, certificate, version):
    """Names, version, cipher and ALPN are those s_client prints."""
    server = stage.serve("openssl", "s_server", "-accept", f"{st.HERE}:{PORT}", *certificate, "-alpn", "h2,http/1.1",
                         "-quiet", port=PORT)
    stage.watch()
    done = stage.run("openssl", "s_client", "-connect", f"{st.HERE}:{PORT}", "-servername", "www.example.test",
                     f"-{version}", "-alpn", "http/1.1", text="Q\n")
    told = stage.ended()
    protocol, cipher = re.search(r"New, (\S+), Cipher is (\S+)", done.out).groups()
    hello, = hellos(told)
    seen = hello.event["attributes"]
    assert seen["tls.client.server_name"] == "www.example.test"
    assert seen["tls.protocol.version"] == protocol.removeprefix("TLSv")
    assert seen["tls.client.next_protocols"] == re.search(r"ALPN protocol: (\S+)", done.out)[1] == "http/1.1"
    assert seen.get("tls.next_protocol") == ("http/1.1" if version == "tls1_2" else None)  # 1.3 encrypts the choice
    assert iana(stage, seen["tls.cipher"]) == cipher
    assert re.fullmatch(r"[0-9a-f]{32}", seen["tls.client.ja3"]) and re.fullmatch(r"[0-9a-f]{32}", seen["tls.server.ja3s"])
    assert re.fullmatch(rf"t{version[3:].replace('_', '')}d\d{{4}}h1_[0-9a-f]{{12}}_[0-9a-f]{{12}}", seen["tls.client.ja4"])
    undisturbed(told, [hello])
    assert st.ends(hello.event) == (st.End(done.pid, "openssl"), st.End(server.pid, "openssl"))


def iana(stage, name):
    """OpenSSL's name of a cipher suite."""
    return stage.run("openssl", "ciphers", "-convert", name).out.strip().removeprefix("OpenSSL cipher name: ")


def test_tls_alert(stage, certificate):
    """No common version: the server refuses, and both say why."""
    stage.serve("openssl", "s_server", "-accept", f"{st.HERE}:{PORT}", *certificate, "-tls1_3", "-quiet", port=PORT)
    stage.watch()
    done = stage.run("openssl", "s_client", "-connect", f"{st.HERE}:{PORT}", "-tls1_2", text="", status=1)
    told = stage.ended()
    number = int(re.search(r"SSL alert number (\d+)", done.out + done.err)[1])
    hello, = hellos(told)
    assert (hello.status, hello.text) == (number, "protocol_version")
    assert hello.event["result"] != "ok" and not told.lost()


# ---- Kafka ------------------------------------------------------------------------------------------------

# librdkafka's own mock cluster, which speaks the protocol over TCP; prints where
KAFKA = r"""
import ctypes, os, signal
os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
lib = ctypes.CDLL("librdkafka.so.1")
for name in ("conf_new", "new", "mock_cluster_new", "mock_cluster_bootstraps"):
    getattr(lib, "rd_kafka_" + name).restype = ctypes.c_void_p
word = ctypes.create_string_buffer(512)
handle = lib.rd_kafka_new(0, ctypes.c_void_p(lib.rd_kafka_conf_new()), word, 512)
cluster = ctypes.c_void_p(lib.rd_kafka_mock_cluster_new(ctypes.c_void_p(handle), 1))
lib.rd_kafka_mock_topic_create(cluster, b"orders", 2, 1)
lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
print(lib.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
signal.pause()
"""


def client_says(err, what):
    """librdkafka's own word of each message, by the name of the API."""
    names = re.findall(rf"{what} ([A-Za-z]+?)(?:Request|Response) \(", err)
    return collections.Counter(name.replace("ApiVersion", "ApiVersions") for name in names)


def test_kafka(stage):
    """Each request and each answer of the client is told; the values of messages never are."""
    st.need("kcat")
    server, address = stage.serve_saying(st.PYTHON, "-c", KAFKA)
    stage.watch()
    lines = "".join(f"key{i}:message {i}\n" for i in range(100))
    client = ["kcat", "-b", address, "-t", "orders", "-X", "debug=protocol"]
    produced = stage.run(*client, "-P", "-K:", "-X", "linger.ms=0", "-X", "batch.num.messages=1", text=lines)
    consumed = stage.run(*client, "-C", "-e", "-o", "beginning")
    told = stage.ended()
    assert sorted(consumed.out.split("\n")[:-1]) == sorted(f"message {i}" for i in range(100))
    answers = told.answers("kafka")
    asked = client_says(produced.err + consumed.err, "Sent")
    answered = client_says(produced.err + consumed.err, "Received")
    assert st.tally(answers, "method") == asked  # the last Fetch waits for more when kcat leaves
    assert st.tally([a for a in answers if a.status is not None], "method") == answered
    assert st.tally(answers, "method", "target")["Produce", "orders"] == 100  # batches of one
    assert st.tally([a for a in answers if a.status], "method", "text") == {("ApiVersions", "UNSUPPORTED_VERSION"): 2}
    assert "message 7" not in str(told.events)
    undisturbed(told, answers)
    assert {e.pid for e in st.servers(answers)} == {server.pid}
    assert {e.pid for e in st.clients(answers)} == {produced.pid, consumed.pid}


# ---- NATS -------------------------------------------------------------------------------------------------

NATS = r"""
import json, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
f = s.makefile("rb")
f.readline()
s.sendall(b'CONNECT {"verbose":false,"headers":true,"name":"e2e"}\r\nSUB orders.> 1\r\nPING\r\n')
got = 0
def until_pong():
    global got
    while True:
        line = f.readline()
        if line == b"PONG\r\n":
            return
        if line.startswith(b"MSG "):
            f.read(int(line.split()[-1]) + 2)
            got += 1
until_pong()
for i in range(60):
    s.sendall(b"PUB orders.new 5\r\nhello\r\n")
for i in range(7):
    s.sendall(b"PUB elsewhere 3\r\nabc\r\n")
s.sendall(b"PUB orders.large %d\r\n%s\r\nPING\r\n" % (50000, b"x" * 50000))
until_pong()
s.sendall(b"PUB bad..subject 1\r\nx\r\nUNSUB 1\r\nPING\r\n")
until_pong()
print(got)
"""


def test_nats(stage):
    """What is published and what is delivered, as client and server count it."""
    monitor = PORT + 1
    server = stage.serve("nats-server", "-a", st.HERE, "-p", PORT, "-m", monitor, port=PORT)
    stage.watch()
    done = stage.run(st.PYTHON, "-c", NATS, PORT)
    told = stage.ended()
    varz = json.loads(stage.run("curl", "-s", f"http://{st.HERE}:{monitor}/varz").out)
    seen = collections.Counter(e["l7_data"]["method"] for e in told.events
                               if e["l7_protocol"] == "nats" and e["event_type"] in ("l7_response", "l7_notice"))
    assert (int(done.out), varz["out_msgs"]) == (61, 61)
    assert (seen["PUB"], seen["MSG"]) == (varz["in_msgs"], varz["out_msgs"])
    assert (seen["CONNECT"], seen["SUB"], seen["PING"]) == (1, 1, 3)
    assert not told.lost()
    answers = told.answers("nats")
    assert {e.pid for e in st.servers(answers)} == {server.pid} and {e.pid for e in st.clients(answers)} == {done.pid}
