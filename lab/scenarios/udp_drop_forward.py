# SPDX-License-Identifier: Apache-2.0
"""The router's firewall drops a UDP query."""
import peers
import steps

TRUTH = dict(pattern="filter-drop", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP of the datagram", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    flow = lab.flow(family, proto="udp")
    steps.filter_flow(lab, lab.router, "forward", flow, "drop")
    lab.server.start(peers.udp_echo, flow)
    lab.trigger()
    return lab.client.call(peers.udp_ask, flow, lab.patience(), connected=lab.rng.random() < 0.5), [flow]
