# SPDX-License-Identifier: Apache-2.0
"""The router's firewall answers an IPv6 SYN with ICMPv6 admin-prohibited."""
import steps

TRUTH = dict(pattern="filter-reject", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP in FORWARD; soft error at the client",
             app="EACCES|timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.filtered(lab, lab.router, "forward", "reject with icmpv6 type admin-prohibited", family=6)
