# SPDX-License-Identifier: Apache-2.0
"""Healthy: DNS questions that are answered."""
import loads

TRUTH = dict(label=0, where="-", signal="none", view=["client"], levels={})


def run(lab, per_second=20):
    flow = lab.flow(proto="udp", port=53)
    lab.server.start(loads.dns, flow)
    lab.client.start(loads.questions, flow, per_second, "www.lab.example")
    yield [flow]
    yield
    return "nothing was done to it", True
