# SPDX-License-Identifier: Apache-2.0
"""What tshark reads in the shared L7 captures: writes requests-reference.tsv. requests.py compares crosscut with it.

    requests_reference.py > requests-reference.tsv
"""
import pathlib
import subprocess
import sys

import requests

FIELDS = ("_ws.col.Protocol", "http.request.method", "http.request.uri", "http.response.code", "http2.headers.method",
          "http2.headers.path", "http2.headers.status", "dns.flags.response", "dns.id", "dns.qry.name", "dns.flags.rcode",
          "tls.handshake.extensions_server_name", "tls.handshake.ja3", "tls.handshake.ja3s", "quic.version",
          "websocket.payload.close.status_code")
LIMIT_S = 60


def rows(path):
    command = ["tshark", "-r", path, "-T", "fields", "-E", "separator=\t", "-E", "occurrence=a", "-E", "aggregator=\x1f"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        values = [value.split("\x1f") if value else [] for value in line.split("\t")]
        yield dict(zip(FIELDS, values))


def dns(row):
    for number, response, ident in zip(range(99), row["dns.flags.response"], row["dns.id"]):
        if response in ("1", "True"):
            rcode = row["dns.flags.rcode"]
            yield "dns.answers", f"{int(ident, 0)} {rcode[0] if rcode else '-'}"
        elif number < len(row["dns.qry.name"]):
            yield "dns.questions", f"{int(ident, 0)} {row['dns.qry.name'][number].lower().rstrip('.').replace('<root>', '')}"


def seen(row):
    """(what, value) of one packet"""
    for method, uri in zip(row["http.request.method"], row["http.request.uri"]):
        yield "http.requests", f"{method} {requests.path_of(uri)}"
    for status in row["http.response.code"]:
        if int(status) >= 200 or status == "101":
            yield "http.answers", status
    for path in row["http2.headers.path"]:
        yield "http2.requests", requests.path_of(path)
    for status in row["http2.headers.status"]:
        yield "http2.answers", status
    yield from dns(row)
    hello = "quic" if row["quic.version"] else "tls"
    for name in row["tls.handshake.extensions_server_name"]:
        yield f"{hello}.server_name", name
    for field in ("ja3", "ja3s"):
        for value in row[f"tls.handshake.{field}"]:
            yield f"{hello}.{field}", value
    for code in row["websocket.payload.close.status_code"]:
        yield "websocket.close", code


def main():
    print("file\twhat\tvalue")
    for path in requests.captures():
        found = {}
        for row in rows(path):
            for what, value in seen(row):
                found.setdefault(what, []).append(value)
        for what, values in sorted(found.items()):
            print(path.relative_to(requests.SHARED), what, requests.text(values), sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
