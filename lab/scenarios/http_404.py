# SPDX-License-Identifier: Apache-2.0
"""Healthy for the network: the client asks for what is not there."""
import talkers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: status 404", app="404",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow()
    lab.server.start(talkers.http_server, flow, 404)
    lab.trigger()
    return lab.client.call(talkers.http_client, flow, lab.patience(), times=lab.rng.randrange(1, 6)), [flow]
