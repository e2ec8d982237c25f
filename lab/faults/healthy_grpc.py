# SPDX-License-Identifier: Apache-2.0
"""Healthy: gRPC calls on kept connections."""
import loads

TRUTH = dict(label=0, where="-", signal="none", view=["server"], levels={})


def run(lab, connections=4, pause=0.05):
    flow = lab.flow()
    lab.server.start(loads.grpc, flow)
    lab.client.start(loads.calls, flow, connections, pause)
    yield [flow]
    yield
    return "nothing was done to it", True
