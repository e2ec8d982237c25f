# SPDX-License-Identifier: Apache-2.0
"""The server's own firewall rejects the SYN with ICMP port-unreachable."""
import steps

TRUTH = dict(pattern="filter-reject", where="server", layer="filter",
             signal="icmp_send 3/3 in INPUT, then kfree_skb NETFILTER_DROP", app="ECONNREFUSED",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.filtered(lab, lab.server, "input", "reject")
