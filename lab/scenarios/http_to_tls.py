# SPDX-License-Identifier: Apache-2.0
"""The client speaks plain HTTP to a TLS port."""
import talkers

TRUTH = dict(pattern="protocol-mismatch", where="client", layer="l7",
             signal="a TLS alert to an HTTP request", app="not HTTP|closed|ECONNRESET",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow()
    lab.server.start(talkers.tls_server, flow, "shop.example")
    lab.trigger()
    return lab.client.call(talkers.http_client, flow, lab.patience()), [flow]
