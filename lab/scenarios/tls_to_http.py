# SPDX-License-Identifier: Apache-2.0
"""The client begins a TLS handshake with a plain HTTP server."""
import talkers

TRUTH = dict(pattern="protocol-mismatch", where="client", layer="l7",
             signal="an HTTP answer to a ClientHello", app="not TLS|closed|ECONNRESET|alert",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow()
    lab.server.start(talkers.http_plain, flow)
    lab.trigger()
    return lab.client.call(talkers.tls_client, flow, lab.patience(), "shop.example"), [flow]
