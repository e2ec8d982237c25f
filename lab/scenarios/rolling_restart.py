# SPDX-License-Identifier: Apache-2.0
"""Healthy: the server is replaced under load; the old worker drains first."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-",
             signal="none: the old worker exits with nothing open", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    server = lab.server.start(peers.rolling, flow)
    lab.trigger()
    client = lab.client.start(peers.churn, flow, lab.rng.randrange(200, 300), pause=0.003, wait=False)
    server.go()
    server.ready()
    app = client.result()
    server.go()
    server.result()
    return app, [flow]
