# SPDX-License-Identifier: Apache-2.0
"""A service address leads (DNAT) to a server whose own firewall drops the SYN."""
import steps

TRUTH = dict(pattern="filter-drop", where="server", layer="filter",
             signal="kfree_skb NETFILTER_DROP in INPUT of the translated SYN", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    real = lab.flow()
    steps.filter_flow(lab, lab.server, "input", real, "drop")
    return steps.dial(lab, steps.translated(lab, real))
