# SPDX-License-Identifier: Apache-2.0
"""Healthy: the client shuts its side and goes on reading for a while."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: FIN_WAIT2 with data", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow, parts = lab.flow(), lab.rng.randrange(5, 12)
    lab.server.start(peers.half_closed, flow, parts, 0.1)
    lab.trigger()
    return lab.client.call(peers.half_close, flow, parts * 1000), [flow]
