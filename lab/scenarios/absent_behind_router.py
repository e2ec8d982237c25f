# SPDX-License-Identifier: Apache-2.0
"""Nobody on the server's network has the address: the router asks in vain."""
import steps

TRUTH = dict(pattern="arp-failure", where="router", layer="neighbour",
             signal="kfree_skb NEIGH_FAILED at the router, icmp_send 3/1", app="EHOSTUNREACH",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.dial(lab, lab.flow(server=lab.absent(1)), timeout=lab.patience(3.8, 4.5))
