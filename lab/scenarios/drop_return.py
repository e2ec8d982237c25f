# SPDX-License-Identifier: Apache-2.0
"""The router's firewall drops the SYN-ACK on its way back."""
import steps

TRUTH = dict(pattern="filter-drop", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP of the SYN-ACK", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    return steps.filtered(lab, lab.router, "forward", "drop", family=family, back=True)
