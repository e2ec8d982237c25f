# SPDX-License-Identifier: Apache-2.0
"""Healthy: clients close while the server is still sending, as who cancels a download does."""
import talkers

TRUTH = dict(pattern=None, where="-", layer="-", signal="RSTs from the side that asked; of no severity but info",
             app="ok", view=["client", "router", "server"], accept=["server-abort", "lost-state"])


def run(lab):
    flow = lab.flow()
    lab.server.start(talkers.http_endless, flow)
    lab.trigger()
    return lab.client.call(talkers.http_enough, flow, lab.rng.randrange(1 << 20, 1 << 22), lab.rng.randrange(3, 8)), [flow]
