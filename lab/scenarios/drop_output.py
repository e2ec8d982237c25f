# SPDX-License-Identifier: Apache-2.0
"""The client's own firewall drops the SYN."""
import steps

TRUTH = dict(pattern="filter-drop", where="client", layer="filter",
             signal="kfree_skb NETFILTER_DROP in OUTPUT, task context", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    return steps.filtered(lab, lab.client, "output", "drop", family=family)
