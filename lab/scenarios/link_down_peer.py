# SPDX-License-Identifier: Apache-2.0
"""The server's end of the link is down; the router's device is up without carrier."""
import steps

# accept: losing the carrier empties the neighbour cache, so the flow itself dies of the ARP failure.
TRUTH = dict(pattern="link-down", where="router", layer="link",
             signal="kfree_skb QDISC_DROP (noop qdisc) of the ARP request; NEIGH_FAILED 3 s later",
             app="EHOSTUNREACH|timeout", view=["client", "router", "server"],
             accept=["arp-failure"])


def run(lab):
    flow = lab.flow()
    steps.cut_link(lab, flow)
    return steps.dial(lab, flow, timeout=lab.patience(3.8, 4.5))
