# SPDX-License-Identifier: Apache-2.0
"""A firewall at one end drops ARP: nobody can find that end's neighbour."""
import steps

TRUTH = dict(pattern="filter-drop", where="client or server", layer="filter",
             signal="kfree_skb NETFILTER_DROP of an ARP packet", app="timeout|EHOSTUNREACH",
             view=["client", "router", "server"], accept=[])


def run(lab):
    rule = lab.rng.choice(["drop", "arp operation { request, reply } drop", "counter drop"])
    return steps.unfound(lab, 4, lambda hook: steps.chain(lab, hook, [rule], family="arp"))
