# SPDX-License-Identifier: Apache-2.0
"""Healthy: a monitor touches many open ports and closes at once."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flows = [lab.flow(port=port) for port in lab.rng.sample(range(2000, 30000), 25)]
    lab.server.start(peers.serve_all, flows)
    lab.trigger()
    return lab.client.call(peers.touch, flows), flows
