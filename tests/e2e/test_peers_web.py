# SPDX-License-Identifier: Apache-2.0
"""Requests between real programs, live: HTTP/1, HTTP/2, gRPC. What observe tells equals what the programs say."""
import collections
import re

import pytest

import stage as st

pytestmark = pytest.mark.root
PORT = 7080  # nobody's: protocols are told from content
NGINX = """
daemon off; master_process off; pid {place}/nginx.pid; error_log {place}/nginx.err; worker_rlimit_nofile 1024;
events {{}}
http {{
	log_format truth '$request_method $uri $status $server_protocol';
	access_log {place}/access.log truth;
	client_body_temp_path {place}/bodies; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
	uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
	keepalive_requests 100000;
	server {{
		listen 127.0.0.1:{port}{options};
		location / {{ return 200 "hello\\n"; }}
		location /gone {{ return 410; }}
		location /broken {{ return 503 "later\\n"; }}
		location /file {{ root {place}; }}
	}}
}}
"""


@pytest.fixture
def nginx(stage):
    """nginx(options of listen): a server on PORT, one process."""
    def start(options=""):
        config = stage.file("nginx.conf", NGINX.format(place=stage.place, port=PORT, options=options))
        return stage.serve("nginx", "-c", config, port=PORT)
    return start


def logged(stage):
    """What nginx says it answered: (method, path, status) and how often."""
    lines = (stage.place / "access.log").read_text().splitlines()
    return collections.Counter((m, u, int(s)) for m, u, s, _ in map(str.split, lines))


def url(path="/"):
    return f"http://{st.HERE}:{PORT}{path}"


def undisturbed(told, answers, client, server):
    """Nothing lost, nothing unsure, and both processes are known."""
    assert not told.lost()
    assert not st.flags(answers)
    assert (st.clients(answers), st.servers(answers)) == ({client}, {server})


# ---- HTTP/1 -------------------------------------------------------------------------------------------

def test_http1_curl(stage, nginx):
    """All that curl can do: methods, statuses, bodies in both directions, chunks, a range."""
    server = nginx()
    stage.file("file", "x" * 300_000)
    body = stage.file("upload", "y" * 200_000)
    stage.watch()
    quiet, done = ["-s", "-o", "/dev/null"], []
    for options in ([url("/a?secret=1")], [url("/gone")], [url("/broken")], [url("/file")], ["-I", url("/file")],
                    ["-X", "DELETE", url("/a")], ["--data-binary", f"@{body}", url("/upload")],
                    ["-H", "Transfer-Encoding: chunked", "--data-binary", f"@{body}", url("/chunks")],
                    ["-r", "0-99", url("/file")]):
        done += ["--next", *quiet, *options]
    done = stage.run("curl", *done[1:])
    told = stage.ended()
    answers = told.answers("http")
    assert st.tally(answers, "method", "target", "status") == logged(stage) and len(answers) == 9
    undisturbed(told, answers, st.End(done.pid, "curl"), st.End(server.pid, "nginx"))
    assert {a.event["result"] for a in answers} == {"ok", "client_error", "server_error"}
    assert "secret" not in str(told.events)


def test_http1_ab(stage, nginx):
    """Many connections, with and without keep-alive."""
    server = nginx()
    stage.watch()
    kept = stage.run("ab", "-q", "-n", "2000", "-c", "8", "-k", url())
    single = stage.run("ab", "-q", "-n", "300", "-c", "4", url("/gone"))
    told = stage.ended()
    answers = told.answers("http")
    assert int(re.search(r"Complete requests: +(\d+)", kept.out)[1]) == 2000
    assert int(re.search(r"Non-2xx responses: +(\d+)", single.out)[1]) == 300
    assert st.tally(answers, "target", "status") == {("/", 200): 2000, ("/gone", 410): 300}
    assert st.tally(answers, "method", "target", "status") == logged(stage)
    assert not told.lost() and not st.flags(answers)
    assert st.clients(answers) == {st.End(kept.pid, "ab"), st.End(single.pid, "ab")}
    assert st.servers(answers) == {st.End(server.pid, "nginx")}


def test_http1_wrk(stage, nginx):
    """As fast as it goes; wrk leaves in the middle of requests, so the server's log is the truth."""
    server = nginx()
    stage.watch()
    done = stage.run("wrk", "-t", "1", "-c", "4", "-d", "1", url())
    told = stage.ended()
    answers = [a for a in told.answers("http") if a.status]
    assert st.tally(answers, "method", "target", "status") == logged(stage)
    assert 0 <= len(answers) - int(re.search(r"(\d+) requests in", done.out)[1]) <= 4
    undisturbed(told, answers, st.End(done.pid, "wrk"), st.End(server.pid, "nginx"))


# ---- HTTP/2 -------------------------------------------------------------------------------------------

def reported(out):
    """h2load's own count, by class of status."""
    found = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    return {f"{i + 2}xx": int(n) for i, n in enumerate(found.groups()) if int(n)}


def by_class(answers):
    return collections.Counter(f"{a.status // 100}xx" for a in answers)


def test_http2_nginx(stage, nginx):
    server = nginx(" http2")
    stage.watch()
    done = stage.run("h2load", "-n", "900", "-c", "3", "-m", "10", url(), url("/gone"), url("/broken"))
    told = stage.ended()
    answers = told.answers("http2")
    assert by_class(answers) == reported(done.out) == {"2xx": 300, "4xx": 300, "5xx": 300}
    assert st.tally(answers, "method", "target", "status") == logged(stage)
    undisturbed(told, answers, st.End(done.pid, "h2load"), st.End(server.pid, "nginx"))


def test_http2_nghttpd(stage):
    """The same library at both ends: a dynamic table, and bodies in frames between the answers."""
    stage.file("page", "z" * 20_000)
    server = stage.serve("nghttpd", "--no-tls", "-d", stage.place, PORT, port=PORT)
    stage.watch()
    done = stage.run("h2load", "-n", "60", "-c", "2", "-m", "2", url("/page"), url("/missing"), url("/page"))
    told = stage.ended()
    answers = told.answers("http2")
    assert by_class(answers) == reported(done.out) == {"2xx": 40, "4xx": 20}
    assert st.tally(answers, "target", "status") == {("/page", 200): 40, ("/missing", 404): 20}
    undisturbed(told, answers, st.End(done.pid, "h2load"), st.End(server.pid, "nghttpd"))


# ---- gRPC ---------------------------------------------------------------------------------------------

GRPC_SERVER = r"""
import sys, threading, time
from concurrent import futures
import grpc

def deny(request, context):
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")

def count(request, context):
    for i in range(int(request)):
        yield b"%d" % i

def wait(request, context):
    done = threading.Event()
    context.add_callback(done.set)
    done.wait(20)
    return b""

calls = {"Echo": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
         "Deny": grpc.unary_unary_rpc_method_handler(deny),
         "Count": grpc.unary_stream_rpc_method_handler(count),
         "Join": grpc.stream_unary_rpc_method_handler(lambda requests, context: b"".join(requests)),
         "Wait": grpc.unary_unary_rpc_method_handler(wait)}
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Orders", calls),))
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
server.wait_for_termination()
"""
GRPC_CLIENT = r"""
import collections, sys
import grpc
said = collections.Counter()

def call(name, make):
    try:
        result = make()
        if not isinstance(result, bytes):
            result = list(result)
        said[name, 0] += 1
    except grpc.RpcError as error:
        said[name, error.code().value[0]] += 1

with grpc.insecure_channel("127.0.0.1:" + sys.argv[1]) as channel:
    path = "/shop.Orders/"
    for i in range(50):
        call("Echo", lambda: channel.unary_unary(path + "Echo")(b"x" * 100 * i, metadata=[("authorization", "hidden")]))
    for i in range(5):
        call("Deny", lambda: channel.unary_unary(path + "Deny")(b""))
        call("Count", lambda: channel.unary_stream(path + "Count")(b"20"))
        call("Join", lambda: channel.stream_unary(path + "Join")(iter([b"a", b"b", b"c"])))
        call("None", lambda: channel.unary_unary(path + "None")(b""))
    for i in range(2):
        call("Wait", lambda: channel.unary_unary(path + "Wait")(b"", timeout=0.3))
for (name, status), n in said.items():
    print(name, status, n)
"""


def test_grpc(stage):
    """Unary and streaming, both ways; errors of the handler, of the library, and of the client's own clock."""
    server = stage.serve(st.PYTHON, "-c", GRPC_SERVER, PORT, port=PORT)
    stage.watch()
    done = stage.run(st.PYTHON, "-c", GRPC_CLIENT, PORT)
    told = stage.ended()
    answers = told.answers("grpc")
    said = {(name, int(status)): int(n) for name, status, n in map(str.split, done.out.splitlines())}
    assert said == {("Echo", 0): 50, ("Deny", 7): 5, ("Count", 0): 5, ("Join", 0): 5, ("None", 12): 5, ("Wait", 4): 2}
    # Both ends have a clock: the client resets the stream, unless the server was first to say DEADLINE_EXCEEDED.
    said.pop(("Wait", 4))
    assert st.tally([a for a in answers if a.method != "Wait"], "method", "status") == said
    late = [(a.status, a.event["result"]) for a in answers if a.method == "Wait"]
    assert len(late) == 2 and set(late) <= {(1, "no_answer"), (4, "server_error")}
    assert {a.target for a in answers} == {"shop.Orders"}
    assert not told.lost() and st.flags(answers) <= {"streaming", "inferred_status"}
    assert "hidden" not in str(told.events)
    assert {e.pid for e in st.clients(answers)} == {done.pid} and {e.pid for e in st.servers(answers)} == {server.pid}
