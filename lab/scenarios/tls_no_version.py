# SPDX-License-Identifier: Apache-2.0
"""Client and server have no TLS version in common."""
import talkers

TRUTH = dict(pattern="tls-handshake", where="server", layer="l7",
             signal="alert protocol_version from the server", app="alert",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]))
    lab.server.start(talkers.tls_server, flow, "shop.example", "TLSv1_3")
    lab.trigger()
    return lab.client.call(talkers.tls_client, flow, lab.patience(), "shop.example", "TLSv1_2"), [flow]
