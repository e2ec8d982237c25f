# SPDX-License-Identifier: Apache-2.0
"""Healthy: the same client port again and again, while the server holds it in TIME_WAIT."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: SYN accepted in TIME_WAIT",
             app="ok", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.server.start(peers.closes_first, flow)
    lab.trigger()
    return lab.client.call(peers.same_port, flow, lab.rng.randrange(33000, 60000), 30), [flow]
