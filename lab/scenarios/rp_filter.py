# SPDX-License-Identifier: Apache-2.0
"""Strict reverse-path filtering on the router drops a source it reaches by another way."""
import steps

TRUTH = dict(pattern="rp-filter", where="router", layer="ip", signal="kfree_skb IP_RPFILTER",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    source = f"172.20.{lab.rng.randrange(256)}.{lab.rng.randrange(1, 255)}"
    flow = lab.flow(client=source)
    lab.client.ip_cmd([f"addr add {source}/32 dev lo"])
    lab.client.sysctl(ipv4__conf__all__arp_announce=2)
    lab.router.ip_cmd([f"route add {source}/32 via {flow.server} dev lan1"])
    lab.router.sysctl(ipv4__conf__lan0__rp_filter=1)
    return steps.serve_and_dial(lab, flow, source=source)
