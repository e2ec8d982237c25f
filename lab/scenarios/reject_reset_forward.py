# SPDX-License-Identifier: Apache-2.0
"""The router's firewall answers the SYN with a forged reset."""
import steps

TRUTH = dict(pattern="filter-reject", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP in FORWARD; reset without tcp_send_reset",
             app="ECONNREFUSED", view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.filtered(lab, lab.router, "forward", "reject with tcp reset")
