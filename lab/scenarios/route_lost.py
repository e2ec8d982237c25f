# SPDX-License-Identifier: Apache-2.0
"""The client loses its default route while connections are open."""
import steps

TRUTH = dict(pattern="no-route", where="client", layer="ip",
             signal="kfree_skb of a segment without an IP header after a failed route lookup",
             app="timeout|EHOSTUNREACH|ENETUNREACH", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]))
    client = steps.connected(lab, flow, "ask")
    lab.client.ip_cmd(["route del ::/0" if flow.family == 6 else "route del default"])
    return steps.finish(lab, client, flow)
