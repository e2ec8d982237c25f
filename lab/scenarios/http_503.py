# SPDX-License-Identifier: Apache-2.0
"""A web server answers that it is overloaded."""
import talkers

TRUTH = dict(pattern="request-error", where="server", layer="l7",
             signal="status 503", app="503",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]))
    lab.server.start(talkers.http_server, flow, 503)
    lab.trigger()
    return lab.client.call(talkers.http_client, flow, lab.patience(), times=lab.rng.randrange(1, 6)), [flow]
