# SPDX-License-Identifier: Apache-2.0
"""The router's firewall answers the SYN with ICMP admin-prohibited."""
import steps

TRUTH = dict(pattern="filter-reject", where="router", layer="filter",
             signal="icmp_send 3/13 in FORWARD, then kfree_skb NETFILTER_DROP",
             app="EHOSTUNREACH", view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.filtered(lab, lab.router, "forward", "reject with icmp type admin-prohibited")
