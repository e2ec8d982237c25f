# SPDX-License-Identifier: Apache-2.0
"""`observe`: what it tells of made-up traffic, of captures, and of real servers, against what those say themselves."""
import collections
import json
import pathlib
import re
import signal
import subprocess

import pytest

import hosts
import packets

OK, USAGE, CANNOT = 0, 2, 3
LIMIT_S = 60
CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)
ANSWER = {"http_request": "http_response", "grpc_call": "grpc_response", "dns_query": "dns_response"}
# one line a request: status, path, process of the client's connection is what curl is
HTTPD = r"""
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        status = 404 if self.path.startswith("/missing") else 500 if self.path.startswith("/broken") else 200
        body = b"x" * 100000 if self.path.startswith("/big") else b"ok"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, text, *args):
        pass
    def log_request(self, code="-", size="-"):
        print(int(code), self.path, flush=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
print("ready", flush=True)
server.serve_forever()
"""
NGINX = """
daemon off; master_process off; error_log stderr; pid {place}/pid;
events {{ worker_connections 64; }}
http {{
    log_format short '$status $request_uri'; access_log {place}/access.log short;
    client_body_temp_path {place}; proxy_temp_path {place}; fastcgi_temp_path {place};
    uwsgi_temp_path {place}; scgi_temp_path {place};
    server {{
        listen 127.0.0.1:8080;
        location / {{ return 200 "hello\\n"; }}
        location /missing {{ return 404; }}
        location /broken {{ return 503; }}
    }}
}}
"""


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def of_type(found, *types):
    return [event for event in found if event["event_type"] in types]


def told(run, *args, **kwargs):
    done = run("observe", "-q", "-o", "json", *args, timeout=LIMIT_S, **kwargs)
    assert done.returncode == OK, done.stderr
    return events(done.stdout)


# ---- mock -------------------------------------------------------------------------------------------

def reads(run, protocol):
    return run("observe", "--mock", "--count", "1", "--protocol", protocol, "--method", "x", "-d", "1ms").returncode == OK


@pytest.mark.parametrize("env", [{}, {"CROSSCUT_MOCK_MODE": "true"}, {"TAPIO_MOCK_MODE": "true"}])
def test_mock_mode_in_all_ways(run, env):
    found = told(run, *([] if env else ["--mock"]), "--count", "20", env=env)
    assert len(found) == 20
    assert {event["mock"] for event in found} == {True}
    assert found == told(run, "--mock-mode", "--count", "20")


def test_mock_mode_tells_every_type_of_event(run):
    page = run("help", "--markdown", "events").stdout
    types = set(re.findall("`([a-z0-9_]+)`", re.search("(?s)of one of these types:(.*?)\n\n.*?\\.\n", page + "\n").group(0)))
    types -= {"observe"}
    found = collections.Counter(event["event_type"] for event in told(run, "--mock", "-d", "1s"))
    needs = {"grpc_call": "http2", "grpc_response": "http2", "tls_hello": "tls", "l7_request": "redis",
             "l7_response": "redis", "l7_notice": "nats"}
    missing = {name for name in types if name not in found}
    unread = {name for name in missing if not reads(run, needs.get(name, "http"))}
    assert len(types) == 12 and missing == unread
    assert found["http_request"] == found["http_response"]
    if unread:
        pytest.skip(f"this build reads no {', '.join(sorted({needs[name] for name in unread}))}")


@pytest.mark.root
def test_mock_needs_no_privilege(run_as_nobody):
    done = run_as_nobody("observe", "--mock", "--count", "3")
    assert done.returncode == OK and done.stdout.count("\n") == 3


@pytest.mark.root
def test_without_privilege_it_says_what_it_needs(run_as_nobody):
    done = run_as_nobody("observe", "-d", "1s")
    assert done.returncode == CANNOT and not done.stdout and "CAP_BPF" in done.stderr


# ---- usage and configuration ---------------------------------------------------------------------------

@pytest.mark.parametrize("args, message", [
    (["--mock", "-r", "x"], "--read and --mock exclude each other; leave one out"),
    (["--status", "9xxx"], "--status: '9xxx' is no status; write 404, 4xx or 500-599"),
    (["--protocol", "smtp"], "--protocol: 'smtp' is no protocol crosscut reads; "
     "write http, grpc, dns, tls ... or tcp, udp, icmp"),
    (["--sampling-rate", "1.5"], "--sampling-rate: '1.5' is no share; write a number from 0 to 1, such as 0.25"),
    (["--max-events-per-second", "0"], "--max-events-per-second: '0' is out of range; give 1 to 1000000000"),
    (["--enable-ipv4", "off", "--enable-ipv6", "off"], "enable_ipv4 and enable_ipv6 are both off; leave one on"),
    (["--enable-tcp", "off", "--enable-udp", "off", "--enable-icmp", "off"],
     "enable_tcp, enable_udp and enable_icmp are all off; leave one on"),
    (["--http-ports", "80,x"], "--http-ports: '80,x' is no list of ports; write 80,8080 or [80, 8080]"),
])
def test_wrong_usage(run, args, message):
    done = run("observe", *args)
    assert done.returncode == USAGE and not done.stdout
    assert done.stderr == f"crosscut: error: {message}\n"


OBSERVER = """network-observer:
  name: edge-1
  buffer_size: 500
  flush_interval: 5s
  enable_ipv6: false
  http_ports: [80, 8080, 9000]
  https_ports: [443]
  dns_port: 5353
  max_events_per_second: 200
  sampling_rate: 0.5
  max_connections: 1024
  connection_timeout: 1m
  connection_cleanup_interval: 10s
  enable_core: true
  ring_buffer_size: 1048576
  verifier_log_size: 1048576
  enable_k8s_enrichment: false
  enable_flow_tracking: true
  enable_grpc: false
  mock_mode: true
"""


def test_the_keys_of_the_network_observer(run, tmp_path):
    path = tmp_path / "crosscut.yaml"
    path.write_text(OBSERVER)
    assert run("config", "check", path).stdout == f"{path}: ok\n"
    rows = {row["name"]: row["value"] for row in events(run("config", "dump", "-o", "json", "--config", path).stdout)}
    assert (rows["observe_buffer_size"], rows["observe_max_connections"], rows["max_connections"]) == ("500", "1024", "16384")
    assert (rows["http_ports"], rows["sampling_rate"], rows["mock_mode"]) == ("[80,8080,9000]", "0.5", "on")
    found = told(run, "--config", path, "--count", "2")
    assert {event["source"] for event in found} == {"edge-1"}


@pytest.mark.parametrize("line", ["buffer_size: 0", "max_events_per_second: 0", "sampling_rate: 1.1", "sampling_rate: -1",
                                  "ring_buffer_size: 0", "max_connections: 0", "http_ports: [0]", "enable_tcp: perhaps"])
def test_wrong_values_are_refused(run, tmp_path, line):
    path = tmp_path / "crosscut.yaml"
    path.write_text(f"network-observer:\n  {line}\n")
    done = run("config", "check", path)
    assert done.returncode == USAGE and done.stderr.startswith(f"{path}:2: ")


# ---- captures ------------------------------------------------------------------------------------------

def exchanges(*pairs):
    """(time, packet) of one connection on which each request gets its answer."""
    up, down, seq, ack, now = (CLIENT, SERVER), (SERVER, CLIENT), 101, 901, 1000.002
    yield 1000.0, packets.tcp(up, packets.SYN, 100, 0)
    yield 1000.001, packets.tcp(down, packets.SYN | packets.ACK, 900, 101)
    for request, answer in pairs:
        now += 0.1
        yield now, packets.tcp(up, packets.PSH | packets.ACK, seq, ack, request)
        seq += len(request)
        yield now + 0.03, packets.tcp(down, packets.PSH | packets.ACK, ack, seq, answer[:20])
        yield now + 0.05, packets.tcp(down, packets.PSH | packets.ACK, ack + 20, seq, answer[20:])
        ack += len(answer)
    yield now + 0.06, packets.tcp(up, packets.FIN | packets.ACK, seq, ack)
    yield now + 0.07, packets.tcp(down, packets.FIN | packets.ACK, ack, seq + 1)


def get(path, status="200 OK"):
    return (f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode(),
            f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode())


@pytest.fixture
def capture(tmp_path):
    return packets.write(tmp_path / "a.pcap", exchanges(get("/a?q=secret"), get("/b/1", "404 Not Found"),
                                                        get("/b/2", "503 Busy")))


def test_a_capture(run, capture):
    found = told(run, "-r", capture)
    assert [event["event_type"] for event in found] == \
        ["connection"] + 3 * ["http_request", "http_response"] + ["connection_close"]
    answers = of_type(found, "http_response")
    assert [(e["http_data"]["path"], e["http_data"]["status_code"], e["result"]) for e in answers] == \
        [("/a", 200, "ok"), ("/b/1", 404, "client_error"), ("/b/2", 503, "server_error")]
    assert {(e["first_byte_ns"], e["last_byte_ns"], e["latency"]) for e in answers} == {(30000000, 50000000, 50000000)}
    assert found[0]["latency"] == 1000000 and found[-1]["conn_state"] == "closed" and found[-1]["requests"] == 3
    assert found[0]["timestamp"] == "1970-01-01T00:16:40.001000Z"
    assert "secret" not in json.dumps(found)
    assert [event["event_id"] for event in found] == [event["event_id"] for event in told(run, "-r", capture)]


@pytest.mark.parametrize("args, paths", [
    (["--status", "4xx"], ["/b/1"]), (["--status", "500-599", "--status", "404"], ["/b/1", "/b/2"]),
    (["--not", "--status", "200", "--status", "100-599"], ["/b/1", "/b/2"]), (["--errors"], ["/b/1", "/b/2"]),
    (["--path", "/a", "--status", "200"], ["/a"]), (["--method", "POST"], []), (["--min-latency", "51ms"], []),
    (["--min-latency", "50ms"], ["/a", "/b/1", "/b/2"]), (["--protocol", "dns"], []), (["--to", "10.0.0.9"], []),
])
def test_filters(run, capture, args, paths):
    assert [event["http_data"]["path"] for event in told(run, "-r", capture, *args)] == paths


def test_text_is_a_line_for_each_request(run, capture):
    done = run("observe", "-q", "-r", capture, "--color", "never", env={"TZ": "UTC"})
    assert done.stdout.splitlines()[1].split() == \
        "00:16:40.252 - 10.0.0.1:40000 > 10.0.0.2:80 http GET /b/1 404 Not Found 30.0 ms / 50.0 ms".split()
    assert done.stdout.count("\n") == 3
    assert run("observe", "-v", "-r", capture).stdout.count("\n") == 8


def test_query_strings_on_demand(run, capture):
    assert of_type(told(run, "-r", capture, "--query"), "http_request")[0]["http_data"]["query"] == "q=secret"


def test_summary(run, capture):
    rows = told(run, "-r", capture, "--summary")
    assert [(r["server_ip"], r["server_port"], r["protocol"], r["requests"], r["errors"]) for r in rows] == \
        [("10.0.0.2", 80, "http", 3, 2)]
    assert abs(rows[0]["first_byte_ns"]["p50"] - 30000000) < 300000
    assert abs(rows[0]["last_byte_ns"]["p99"] - 50000000) < 500000
    text = run("observe", "-r", capture, "--summary", "-v").stdout
    assert "GET /b/{id}" in text and "GET /a" in text and "10.0.0.2:80" in text


def test_a_limit_holds_for_a_file_when_it_is_asked_for(run, tmp_path):
    path = packets.write(tmp_path / "b.pcap", exchanges(*[get(f"/{i}") for i in range(200)]))
    assert len(told(run, "-r", path)) == 402
    done = run("observe", "-r", path, "-o", "json", "--max-events-per-second", "5")
    assert 0 < len(events(done.stdout)) < 402
    assert "events were above the limit and not told; raise --max-events-per-second" in done.stderr


def test_sampling_leaves_out_no_failure(run, capture):
    found = told(run, "-r", capture, "--sampling-rate", "0")
    assert [(e["event_type"], e["sampling_factor"]) for e in found] == \
        [("http_response", 1), ("http_request", 1), ("http_response", 1), ("connection_close", 1)]


def test_an_end_of_a_capture_is_no_failure(run, tmp_path):
    query = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"
    path = packets.write(tmp_path / "c.pcap", [(1, packets.udp((CLIENT, ("10.0.0.2", 53)), query))])
    found = told(run, "-r", path)
    assert [(e["event_type"], e["result"]) for e in found] == \
        [("connection", "ok"), ("dns_query", "unknown"), ("dns_response", "unknown"), ("connection_close", "ok")]
    assert not told(run, "-r", path, "--errors")


def test_no_output_is_no_success(run, capture):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = run("observe", "-q", "-r", capture, stdout=full)
    assert done.returncode == 4 and "cannot write the results" in done.stderr


# ---- live ------------------------------------------------------------------------------------------------

@pytest.fixture
def httpd(netns):
    """(namespace, pid, lines()) of a Python server that logs what it answers."""
    name = netns()
    with subprocess.Popen(hosts.inside(name, hosts.PYTHON, "-c", HTTPD), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield name, process
        process.kill()


def curl(name, *urls):
    """Statuses as curl saw them."""
    args = [word for url in urls for word in ("-o", "/dev/null", url)]
    return hosts.sh(name, "curl", "-s", "-w", "%{http_code} ", *args).split()


def wait_answers(watcher, n):
    hosts.wait(lambda: len(of_type(watcher.findings(), "http_response")) >= n, f"{n} answers")


@pytest.mark.root
def test_every_request_of_a_server_with_its_status_and_process(watching, httpd):
    name, server = httpd
    watcher = watching("observe", "--netns", name, "-o", "json", "--stats")
    urls = [f"http://127.0.0.1:8000/{path}" for path in ("a", "missing/1", "big", "broken", "b?x=1")] * 4
    statuses = curl(name, *urls)
    wait_answers(watcher, len(urls))
    assert watcher.stop() == OK
    logged = [server.stdout.readline().split() for _ in urls]
    answers = of_type(watcher.findings(), "http_response")
    assert [str(e["http_data"]["status_code"]) for e in answers] == statuses == [status for status, _ in logged]
    assert [e["http_data"]["path"] for e in answers] == [path.partition("?")[0] for _, path in logged]
    assert {e["command"] for e in answers} == {"curl"} and {e["direction"] for e in answers} == {"outbound"}
    assert {e["peer"]["pid"] for e in answers} == {server.pid}
    assert all(0 < e["first_byte_ns"] <= e["last_byte_ns"] < 10**9 for e in answers)
    assert not any(e["flags"] for e in answers)
    assert len({e["connection_id"] for e in answers}) == len(of_type(watcher.findings(), "connection_close")) == 1
    assert " 0 lost to the ring" in watcher.stderr()


@pytest.mark.root
def test_nginx_says_the_same(watching, netns, tmp_path):
    name = netns()
    (tmp_path / "nginx.conf").write_text(NGINX.format(place=tmp_path))
    with subprocess.Popen(hosts.inside(name, "nginx", "-c", tmp_path / "nginx.conf"), stderr=subprocess.DEVNULL) as nginx:
        try:
            hosts.wait(lambda: ":8080" in hosts.sh(name, "ss", "-Hltn"), "nginx")
            watcher = watching("observe", "--netns", name, "-o", "json", "--pid", nginx.pid)
            for path in ("a", "missing", "broken", "b"):
                for _ in range(5):
                    curl(name, f"http://127.0.0.1:8080/{path}", f"http://127.0.0.1:8080/{path}/2")
            wait_answers(watcher, 40)
            watcher.stop()
            access = collections.Counter((tmp_path / "access.log").read_text().splitlines())
        finally:
            nginx.kill()
    answers = of_type(watcher.findings(), "http_response")
    assert collections.Counter(f"{e['http_data']['status_code']} {e['http_data']['path']}" for e in answers) == access
    assert {nginx.pid} == {e["pid"] if e["direction"] == "inbound" else e["peer"]["pid"] for e in answers}
    assert len(of_type(watcher.findings(), "connection")) == 20


@pytest.mark.root
def test_a_recording_tells_the_same(watching, run, httpd, tmp_path):
    name, _ = httpd
    watcher = watching("observe", "--netns", name, "-o", "json", "--record", tmp_path / "a.xcr")
    curl(name, "http://127.0.0.1:8000/a", "http://127.0.0.1:8000/missing")
    wait_answers(watcher, 2)
    assert watcher.stop() == OK
    live = [{k: v for k, v in e.items() if k != "arrival_ns"} for e in watcher.findings()]
    assert live == told(run, "-r", tmp_path / "a.xcr")
    assert (tmp_path / "a.xcr").stat().st_mode & 0o077 == 0


@pytest.mark.root
def test_what_fails_below_and_beside_requests(watching, netns):
    name = netns()
    watcher = watching("observe", "--netns", name, "-o", "json")
    assert hosts.dial(name, "127.0.0.1", 4711) == ["ECONNREFUSED"]
    hosts.sh(name, "ping", "-n", "-c", "1", "127.0.0.1")
    hosts.wait(lambda: {"TCP", "ICMP"} <= {e["protocol"] for e in watcher.findings()}, "a refusal and an echo")
    watcher.stop()
    refused = of_type([e for e in watcher.findings() if e["dst_port"] == 4711], "connection_close")
    assert [(e["conn_state"], e["result"]) for e in refused] == [("reset", "no_answer")]
    echo = of_type([e for e in watcher.findings() if e["protocol"] == "ICMP"], "connection")
    assert echo and echo[0]["command"] == "ping"


@pytest.mark.root
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_prints_the_summary(watching, httpd, sig):
    name, server = httpd
    watcher = watching("observe", "--netns", name, "--summary")
    curl(name, *["http://127.0.0.1:8000/a"] * 7)
    for _ in range(7):
        server.stdout.readline()
    watcher.process.send_signal(sig)
    assert watcher.process.wait(10) == OK
    watcher.stop()
    assert re.search(r"127\.0\.0\.1:8000 +http +7 ", watcher.stdout())


def test_own_recordings_of_why_hold_no_payload(run):
    golden = next(pathlib.Path(__file__).resolve().parents[1].glob("golden/refused/input.xcr"))
    done = run("observe", "-r", golden)
    assert done.returncode == OK and not done.stdout
    assert "holds no payload" in done.stderr
