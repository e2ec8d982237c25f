# SPDX-License-Identifier: Apache-2.0
"""Healthy: many short connections, each opened, used and closed in order."""
import loads
import peers

TRUTH = dict(label=0, where="-", signal="none", view=["server"], levels={})


def run(lab, per_second=25):
    flow = lab.flow()
    lab.server.start(loads.serve_with, flow, peers.echo)
    lab.client.start(loads.visits, flow, per_second)
    yield [flow]
    yield
    return "nothing was done to it", True
