# SPDX-License-Identifier: Apache-2.0
"""Nobody on the client's own network has the address."""
import steps

TRUTH = dict(pattern="arp-failure", where="client", layer="neighbour",
             signal="kfree_skb NEIGH_FAILED; earlier hint: retransmission fails with EBUSY at 1 s",
             app="EHOSTUNREACH", view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    return steps.dial(lab, lab.flow(family, server=lab.absent(0, family)), timeout=lab.patience(3.8, 4.5))
