# SPDX-License-Identifier: Apache-2.0
"""The requests crosscut reads in the shared L7 captures, beside what others read in them. TAP.

    requests.py REQUESTS [CAPTURE...]

References: the .result files of DeepFlow beside its captures, and tshark (requests-reference.tsv, written by
requests_reference.py). Where crosscut and a reference differ, requests-differences.tsv has a row with the reason: the
reference's fault, or another definition. A difference without a row fails, and so does a row without one.
"""
import csv
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("CROSSCUT_L7") or HERE.parents[2] / "shared" / "data" / "l7")
LIMIT_S = 60
SUFFIXES = (".pcap", ".pcapng")
COLUMNS = ("time", "client", "server", "stage", "protocol", "id", "method", "target", "status", "status_text", "result")
HTTP2 = ("http2", "grpc")


def captures():
    return sorted(path for path in SHARED.glob("**/*") if path.suffix in SUFFIXES)


def path_of(url):
    """What crosscut keeps of a target: its path."""
    match = re.match(r"[A-Za-z]+://[^/?#]*(.*)", url)
    path = (match[1] if match else url).split("?")[0]
    return path or ("/" if match else "")


def text(values):
    """As it is in the tables: each value once with how often it came, in order."""
    counted = {value: values.count(value) for value in values}
    return "; ".join(value + (f" x{n}" if n > 1 else "") for value, n in sorted(counted.items()))


def read(program, path):
    """The rows of REQUESTS, with their attributes in "more"."""
    done = subprocess.run([program, path], capture_output=True, timeout=LIMIT_S, check=False)
    if done.returncode not in (0, 1):  # 1: no capture crosscut reads
        raise RuntimeError(f"{path}: {done.returncode}")
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split("\t")
        row = dict(zip(COLUMNS, fields))
        attributes = fields[len(COLUMNS) + 3:]
        row["more"] = dict(zip(attributes[::2], attributes[1::2]))
        yield row


# ---- DeepFlow: what a .result file says, and the same of our rows: {what: [value]} --------------------------------

def blocks(name, content):
    """The fields of each "NAME { a: b, ... }", as far as they are plain."""
    for line in content.splitlines():
        if line.startswith(name):
            yield dict(re.findall(r'(\w+): (?:Some\()?("[^"]*"|[-\w.]+)\)?', line))


def deepflow_http(content):
    found = {}
    for row in blocks("HttpInfo", content):
        path = path_of(row["path"].strip('"'))
        if row["msg_type"] == "Request" and row["proto"] == "Http1":
            found.setdefault("http.requests", []).append(f"{row['method'].upper()} {path}")
        elif row["msg_type"] == "Request":
            found.setdefault("http2.requests", []).append(path or "-")
        if row["status_code"] != "None":
            kind = "http.answers" if row["proto"] == "Http1" else "http2.answers"
            found.setdefault(kind, []).append(row["status_code"])
    return found


def deepflow_json(content):
    for line in content.splitlines():
        if line.startswith("{"):
            yield json.loads(line[:line.rindex("}") + 1])


def deepflow_dns(content):
    found = {}
    for row in deepflow_json(content):
        if row["msg_type"] == "Request":
            found.setdefault("dns.questions", []).append(f"{row['request_id']} {row['request_resource']}")
        else:
            found.setdefault("dns.answers", []).append(f"{row['request_id']} {row.get('response_code', 0)}")
    return found


def deepflow_kafka(content):
    found = {}
    for row in blocks("KafkaInfo", content):
        ident = f"{row['correlation_id']} {row['api_key']}"
        if row["msg_type"] == "Request":
            found.setdefault("kafka.requests", []).append(f"{ident} v{row['api_version']}")
        elif row["msg_type"] == "Response":
            found.setdefault("kafka.answers", []).append(ident)
    return found


def deepflow_redis(content):
    found = {}
    for row in blocks("RedisInfo", content):
        if row["request"] != '""':
            found.setdefault("redis.requests", []).append(row["request_type"].strip('"').upper())
        elif row["error"] != '""':
            found.setdefault("redis.errors", []).append(row["error"].strip('"-').split()[0])
    return found


def deepflow_sql(name):
    def run(content):
        found = {f"{name}.errors": []}
        requests = [row for row in deepflow_json(content) if row["msg_type"] == "Request"]
        found[f"{name}.requests"] = [str(len(requests))]
        for row in deepflow_json(content):
            status = row.get("response_status") or row.get("status")
            if row["msg_type"] == "Response" and status not in ("ok", "unknown"):
                found[f"{name}.errors"].append(str(row.get("response_code") or row.get("result")))
        return found
    return run


def deepflow_memcached(content):
    found = {}
    for kind, request, result in re.findall(r"msg_type: (\w+) request: (.*?) req_size: \d+ result: (.*?) err_msg:", content):
        if kind == "Request":
            words = request.split()
            found.setdefault("memcached.requests", []).append(f"{words[0].upper()} {words[1]}")
        else:
            found.setdefault("memcached.answers", []).append(result.split()[0])
    return found


def deepflow_amqp(content):
    methods = [f"Basic.{row.get('method_id')}" for row in blocks("AmqpInfo", content)
               if row.get("class_id") == "Basic"]
    counted = [re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower() for name in methods]
    return {"amqp.basic": [name for name in counted if name in ("basic.publish", "basic.deliver")]}


def deepflow_nats(content):
    names = re.findall(r"message: (\w+)\(", content)
    return {"nats.messages": [name.upper() for name in names if name.upper() in NATS]}


NATS = ("PUB", "HPUB", "MSG", "HMSG", "SUB", "UNSUB", "CONNECT", "INFO")
DEEPFLOW = {"http": deepflow_http, "dns": deepflow_dns, "kafka": deepflow_kafka, "redis": deepflow_redis,
            "mysql": deepflow_sql("mysql"), "postgre": deepflow_sql("postgres"), "memcached": deepflow_memcached,
            "amqp": deepflow_amqp, "nats": deepflow_nats}


# ---- ours ------------------------------------------------------------------------------------------------------------

def http(row):
    # the answer's number is there, complete or not
    yield "http.requests", f"{row['method']} {row['target']}"
    if row["status"] != "-":
        yield "http.answers", row["status"]


def http2(row):
    yield "http2.requests", row["target"] or "-"
    if row["more"].get("http.response.status_code", row["status"] if row["protocol"] == "http2" else "-") != "-":
        yield "http2.answers", row["more"].get("http.response.status_code", row["status"])


def dns(row):
    if row["stage"] != "notice" or row["status"] == "-":
        yield "dns.questions", f"{row['id']} {row['target'].rstrip('.')}"
    if row["status"] != "-":
        yield "dns.answers", f"{row['id']} {row['status']}"


def kafka(row):
    yield "kafka.requests", f"{row['id']} {row['method']} v{row['more'].get('messaging.kafka.api_version')}"
    if row["stage"] == "answered":
        yield "kafka.answers", f"{row['id']} {row['method']}"


def redis(row):
    yield "redis.requests", row["method"].upper()
    if row["status"] == "1":
        yield "redis.errors", row["status_text"]


def memcached(row):
    if row["stage"] == "answered":
        yield "memcached.requests", f"{row['method']} {row['target']}"
        yield "memcached.answers", row["status_text"]


def amqp(row):
    if row["method"] in ("basic.publish", "basic.deliver"):
        yield "amqp.basic", row["method"]


def nats(row):
    if row["method"] in NATS:
        yield "nats.messages", row["method"]


def hello(row):
    more, protocol = row["more"], row["protocol"]
    for what, key in (("server_name", "tls.client.server_name"), ("ja3", "tls.client.ja3"), ("ja3s", "tls.server.ja3s")):
        if key in more:
            yield f"{protocol}.{what}", more[key]


def websocket(row):
    if row["status"] not in ("1005", "1006"):  # never on the wire
        yield "websocket.close", row["status"]


def sql(row):
    # a count: what is asked is redacted here, and in pieces there
    if row["stage"] == "answered":
        yield f"{row['protocol']}.requests", "one"
    if row["result"] in ("client_error", "server_error"):
        yield f"{row['protocol']}.errors", row["status"] if row["protocol"] == "mysql" else row["status_text"]


OURS = {"http": http, "http2": http2, "grpc": http2, "dns": dns, "kafka": kafka, "redis": redis, "memcached": memcached,
        "amqp": amqp, "nats": nats, "tls": hello, "quic": hello, "websocket": websocket, "mysql": sql, "postgres": sql}


def ours(program, path):
    found = {}
    for row in read(program, path):
        for what, value in OURS.get(row["protocol"], lambda _: ())(row):
            found.setdefault(what, []).append(value)
    for what in [what for what in found if what in ("mysql.requests", "postgres.requests")]:
        found[what] = [str(len(found[what]))]
    return found


# ---- comparing ---------------------------------------------------------------------------------------------------------

def table(name):
    with open(HERE / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def references():
    """{capture: {what: text}}; what DeepFlow says goes before what tshark says."""
    found = {}
    for row in table("requests-reference.tsv"):
        found.setdefault(row["file"], {})[row["what"]] = row["value"]
    for path in captures():
        result, kind = path.with_suffix(".result"), path.parent.name
        if result.exists() and kind in DEEPFLOW:
            told = DEEPFLOW[kind](result.read_text(encoding="utf-8"))
            found.setdefault(str(path.relative_to(SHARED)), {}).update({what: text(told[what]) for what in told})
    return found


def compare(program, name, expected, listed):
    """What is wrong with one capture. @listed: {what: row of requests-differences.tsv}"""
    got = {what: text(values) for what, values in ours(program, SHARED / name).items()}
    wrong = []
    for what in sorted(expected):
        mine, row = got.get(what, ""), listed.get(what)
        if mine == expected[what]:
            wrong += [f"{what}: listed as a difference, but it is none"] if row else []
        elif not row or (row["ours"], row["reference"]) != (mine or "none", expected[what] or "none"):
            wrong.append(f"{what}\t{mine or 'none'}\t{expected[what] or 'none'}")
    return wrong


def main():
    program, *names = sys.argv[1:]
    if not SHARED.exists():
        print("1..0 # SKIP the shared captures are not here")
        return 0
    listed, failed = {}, 0
    for row in table("requests-differences.tsv"):
        listed.setdefault(row["file"], {})[row["what"]] = row
    todo = {name: told for name, told in references().items() if not names or name in names}
    print(f"1..{len(todo)}")
    for number, (name, told) in enumerate(sorted(todo.items()), 1):
        wrong = compare(os.path.abspath(program), name, told, listed.get(name, {}))
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}", flush=True)
        print("".join(f"# {name}\t{line}\n" for line in wrong), end="")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
