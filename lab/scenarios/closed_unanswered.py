# SPDX-License-Identifier: Apache-2.0
"""The server reads the request and closes the connection."""
import talkers

TRUTH = dict(pattern="no-response", where="server", layer="l7",
             signal="FIN of the server instead of an answer", app="closed",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]))
    lab.server.start(talkers.http_closing_server, flow, 0)
    lab.trigger()
    return lab.client.call(talkers.http_client, flow, lab.patience()), [flow]
