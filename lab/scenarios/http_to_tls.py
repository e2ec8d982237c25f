# SPDX-License-Identifier: Apache-2.0
"""The client speaks plain HTTP to a TLS port."""
import talkers

TRUTH = dict(pattern="protocol-mismatch", where="client", layer="l7",
             signal="400, the plain HTTP request was sent to HTTPS port", app="400",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow()
    lab.server.start(talkers.https_server, flow)
    lab.trigger()
    return lab.client.call(talkers.http_client, flow, lab.patience()), [flow]
