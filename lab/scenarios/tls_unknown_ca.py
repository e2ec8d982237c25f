# SPDX-License-Identifier: Apache-2.0
"""The client does not trust who signed the server's certificate."""
import talkers

TRUTH = dict(pattern="tls-handshake", where="client", layer="l7",
             signal="alert unknown_ca from the client, in clear (TLS 1.2)", app="alert",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow()
    lab.server.start(talkers.tls_server, flow, "shop.example")
    lab.trigger()
    return lab.client.call(talkers.tls_client, flow, lab.patience(), "shop.example", "TLSv1_2", False), [flow]
