# SPDX-License-Identifier: Apache-2.0
"""The server's own firewall silently drops the SYN."""
import steps

TRUTH = dict(pattern="filter-drop", where="server", layer="filter",
             signal="kfree_skb NETFILTER_DROP in INPUT", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    return steps.filtered(lab, lab.server, "input", "drop", family=family)
