# SPDX-License-Identifier: Apache-2.0
"""`observe --forwarded`: requests of other hosts that pass through this one, and only those."""
import collections
import csv
import subprocess

import pytest

import hosts
import stage as stages

pytestmark = pytest.mark.root
OK, USAGE, CANNOT = 0, 2, 3
LIMIT_S = 30
PORT = 8000
CLIENT, SERVER = ("10.91.1.2", "fd91:1::2"), ("10.91.2.2", "fd91:2::2")
ROUTER = ("10.91.1.1", "fd91:1::1")
BIG = 3_000_000
# "/big" is larger than what a connection may tell before anybody wants it
HTTPD = r"""
import http.server, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(404 if self.path.startswith("/missing") else 200)
        body = b"x" * (%d if self.path.startswith("/big") else 2)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
server = Server(("::", %d), Handler)
print("ready", flush=True)
server.serve_forever()
""" % (BIG, PORT)


# ends with a RST, which frees the port at once
FROM_ONE_PORT = r"""
import http.client, socket, struct, sys
c = http.client.HTTPConnection(sys.argv[1], %d, timeout=20, source_address=("0.0.0.0", 41000))
c.connect()
c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
c.request("GET", "/big")
answer = c.getresponse()
assert len(answer.read()) == %d
print(answer.status)
c.sock.close()
""" % (PORT, BIG)


def wire(router, port, host, subnet):
    """Host .2 behind `port` of the router, which is .1."""
    subprocess.run(["ip", "link", "add", port, "netns", router, "type", "veth", "peer", "name", "eth0", "netns", host],
                   check=True, timeout=LIMIT_S)
    for name, device, last in ((router, port, 1), (host, "eth0", 2)):
        hosts.sh(name, "ip", "addr", "add", f"10.91.{subnet}.{last}/24", "dev", device)
        hosts.sh(name, "ip", "addr", "add", f"fd91:{subnet}::{last}/64", "dev", device, "nodad")
        hosts.sh(name, "ip", "link", "set", device, "up")
    hosts.sh(host, "ip", "route", "add", "default", "via", f"10.91.{subnet}.1")
    hosts.sh(host, "ip", "route", "add", "default", "via", f"fd91:{subnet}::1")


@pytest.fixture
def serve():
    """serve(namespace) starts the web server there."""
    started = []

    def start(name):
        process = subprocess.Popen(hosts.inside(name, hosts.PYTHON, "-c", HTTPD), stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process
    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def routed(netns):
    """Names of a client, a router and a server."""
    client, router, server = netns("c"), netns("r"), netns("s")
    wire(router, "c0", client, 1)
    wire(router, "s0", server, 2)
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        hosts.sh(router, "sysctl", "-qw", f"{key}=1")
    return client, router, server


def get(name, *paths, at):
    """Statuses as curl saw them, over one connection."""
    host = f"[{at}]" if ":" in at else at
    args = [word for path in paths for word in ("-o", "/dev/null", f"http://{host}:{PORT}{path}")]
    return hosts.sh(name, "curl", "-s", "-w", "%{http_code} ", *args).split()


def watch(watching, router, *options):
    return watching("observe", "--netns", router, "--forwarded", "c0", "-o", "json", "--stats", *options)


def told(watcher, n_closed):
    """What was told once so many connections are over."""
    def closed():
        return sum(e["event_type"] == "connection_close" for e in watcher.findings())
    hosts.wait(lambda: closed() >= n_closed, f"the end of {n_closed} connections", LIMIT_S)
    assert watcher.stop() == OK, watcher.stderr()
    return stages.Told(watcher)


def places(answers):
    return {(a.event["direction"], a.event["pid"]) for a in answers}


PATHS = ("/a", "/missing/1", "/big", "/b?x=1")


def test_requests_through_a_router(watching, routed, serve):
    client, router, server = routed
    serve(server)
    serve(router)  # listens on the same port, on any address, and is not who is asked
    watcher = watch(watching, router)
    statuses = [s for at in SERVER for s in get(client, *PATHS, at=at)]
    seen = told(watcher, 2)
    answers = seen.answers("http")
    assert [a.status for a in answers] == [int(s) for s in statuses] == [200, 404, 200, 200] * 2
    assert [a.target for a in answers] == [path.partition("?")[0] for path in PATHS] * 2
    assert places(answers) == {("forwarded", None)} and not stages.flags(answers)
    assert [e["event_type"] for e in seen.events if not e["event_type"].startswith("http")] == [
        "connection", "connection_close"] * 2
    for event, ends in zip(seen.of_type("connection_close"), zip(CLIENT, SERVER)):
        assert (event["src_ip"], event["dst_ip"]) == ends and event["conn_state"] == "closed"
        assert event["bytes_recv"] > BIG > event["bytes_sent"] > 0
        assert event["packets_sent"] > 0 < event["packets_recv"]
    assert seen.lost() == {}


def test_what_ends_at_the_router_is_told_by_its_sockets(watching, routed, serve):
    client, router, server = routed
    process = serve(router)
    serve(server)
    watcher = watch(watching, router)
    for at in ROUTER:
        assert get(client, "/a", "/missing", at=at) == ["200", "404"]
    assert get(router, "/a", at=SERVER[0]) == ["200"]
    assert get(client, "/b", at=SERVER[0]) == ["200"]
    seen = told(watcher, 4)
    answers = seen.answers("http")
    assert collections.Counter(a.event["direction"] for a in answers) == {"inbound": 4, "outbound": 1, "forwarded": 1}
    assert {a.event["pid"] for a in answers if a.event["direction"] == "inbound"} == {process.pid}
    assert len(seen.of_type("connection_close")) == 4


def test_ports_are_used_again(watching, routed, serve):
    """Another connection between the same ends is one, with requests of its own."""
    client, router, server = routed
    serve(server)
    watcher = watch(watching, router)
    for _ in range(3):
        assert hosts.sh(client, hosts.PYTHON, "-c", FROM_ONE_PORT, SERVER[0]) == "200\n"
    seen = told(watcher, 3)
    assert [a.status for a in seen.answers("http")] == [200] * 3
    assert len({e["connection_id"] for e in seen.events}) == 3


def test_addresses_are_rewritten_behind_the_interface(watching, routed, serve):
    client, router, server = routed
    serve(server)
    hosts.nft(router, "table ip nat {\n chain post {\n  type nat hook postrouting priority 100\n  oifname s0 masquerade\n }\n}\n")
    watcher = watch(watching, router)
    assert get(client, *PATHS, at=SERVER[0]) == ["200", "404", "200", "200"]
    answers = told(watcher, 1).answers("http")
    assert len(answers) == 4 and {a.event["src_ip"] for a in answers} == {CLIENT[0]}


def test_datagrams_pass_through_a_bridge(watching, netns):
    client, router, server = netns("c"), netns("r"), netns("s")
    wire(router, "c0", client, 1)
    wire(router, "s0", server, 1)
    hosts.sh(router, "ip", "addr", "flush", "dev", "c0")
    hosts.sh(router, "ip", "addr", "flush", "dev", "s0")
    hosts.sh(server, "ip", "addr", "flush", "dev", "eth0")
    hosts.sh(server, "ip", "addr", "add", "10.91.1.3/24", "dev", "eth0")
    hosts.sh(router, "ip", "link", "add", "br0", "type", "bridge")
    for port in ("c0", "s0"):
        hosts.sh(router, "ip", "link", "set", port, "master", "br0")
    hosts.sh(router, "ip", "link", "set", "br0", "up")
    stages.need("dnsmasq")
    stages.need("dig")
    with subprocess.Popen(hosts.inside(server, "dnsmasq", "-k", "-p", 53, "-h", "-R", "-C", "/dev/null", "--host-record",
                                       "a.example,192.0.2.1", "--pid-file", "--user=root"),
                          stderr=subprocess.DEVNULL) as dnsmasq:
        try:
            hosts.wait(lambda: ":53 " in hosts.sh(server, "ss", "-Hlun"), "dnsmasq")
            watcher = watch(watching, router)
            for name in ("a.example", "b.example"):
                hosts.sh(client, "dig", "+tries=1", "+time=5", "@10.91.1.3", name)
            hosts.wait(lambda: sum(e["event_type"] == "dns_response" for e in watcher.findings()) == 2, "two answers")
            assert watcher.stop() == OK
        finally:
            dnsmasq.kill()
    answers = stages.Told(watcher).answers("dns")
    assert [a.target for a in answers] == ["a.example", "b.example"] and places(answers) == {("forwarded", None)}


def test_columns_of_what_passes_through(routed, serve, crosscut, tmp_path):
    """Features of a router's interface carry requests when they are asked for."""
    client, router, server = routed
    serve(server)
    out = tmp_path / "rows.csv"
    with subprocess.Popen([crosscut, "features", "c0", "--netns", router, "--forwarded", "-d", "0", "-w", "1s", "-i", "1s",
                           "--out", str(out)], stderr=subprocess.PIPE, text=True) as process:
        try:
            hosts.wait(lambda: "watching" in process.stderr.readline(), "features")
            assert get(client, "/missing", at=SERVER[0]) == ["404"]

            def carried():
                with open(out, newline="", encoding="utf-8") as file:
                    return [row for row in csv.DictReader(file) if row["http_status_code"] == "404"]
            hosts.wait(lambda: out.exists() and carried(), "a row with the status", LIMIT_S)
        finally:
            process.terminate()
    row = carried()[0]
    assert (row["http_url"], row["http_method"], row["dst_port"]) == ("/missing", "GET", str(PORT))


@pytest.mark.parametrize("args, status, message", [
    (["--forwarded", "all"], USAGE, "--forwarded wants one interface: on all of them every packet would pass twice"),
    (["--forwarded", "lo", "--mock"], USAGE, "--forwarded reads packets of this host, live"),
    (["--forwarded", "nosuch0"], CANNOT, 'no interface nosuch0 here; there are: lo, and "all"'),
])
def test_bad_input(run, netns, args, status, message):
    done = run("observe", "--netns", netns(), *args)
    assert done.returncode == status and message in done.stderr and not done.stdout
