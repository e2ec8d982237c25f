# SPDX-License-Identifier: Apache-2.0
"""The router's firewall silently drops the SYN."""
import steps

TRUTH = dict(pattern="filter-drop", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP in FORWARD", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    return steps.filtered(lab, lab.router, "forward", "drop", family=family)
