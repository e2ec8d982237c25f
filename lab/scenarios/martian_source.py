# SPDX-License-Identifier: Apache-2.0
"""The client uses an address that is the router's own: a martian source there."""
import steps

TRUTH = dict(pattern="martian-source", where="router", layer="ip",
             signal="kfree_skb IP_LOCAL_SOURCE", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    source = lab.server.gw
    flow = lab.flow(client=source)
    lab.client.ip_cmd([f"addr add {source}/32 dev lo"])
    lab.client.sysctl(ipv4__conf__all__arp_announce=2)
    return steps.serve_and_dial(lab, flow, source=source)
