# SPDX-License-Identifier: Apache-2.0
"""Healthy: many short connections, one after the other."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: state changes only", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]))
    lab.server.start(peers.serve, flow)
    lab.trigger()
    return lab.client.call(peers.churn, flow, lab.rng.randrange(150, 300)), [flow]
