# SPDX-License-Identifier: Apache-2.0
"""Healthy: downloads and uploads side by side, IPv4 and IPv6."""
import loads

TRUTH = dict(label=0, where="-", signal="none", view=["client"], levels={})


def run(lab, connections=6, block=200000, pause=0.05):
    down, up = lab.flow(), lab.flow(6)
    lab.server.start(loads.stream, down, block, pause, 0.001)
    lab.server.start(loads.swallow, up)
    lab.client.start(loads.downloads, down, connections)
    lab.client.start(loads.uploads, up, connections, block, pause)
    yield [down, up]
    yield
    return "nothing was done to it", True
