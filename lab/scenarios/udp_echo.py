# SPDX-License-Identifier: Apache-2.0
"""Healthy: UDP questions and answers."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]), proto="udp")
    lab.server.start(peers.udp_echo, flow)
    lab.trigger()
    return lab.client.call(peers.udp_ask, flow, 2, times=lab.rng.randrange(100, 300)), [flow]
