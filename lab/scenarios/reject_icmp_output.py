# SPDX-License-Identifier: Apache-2.0
"""The client's own firewall rejects the SYN with ICMP admin-prohibited."""
import steps

TRUTH = dict(pattern="filter-reject", where="client", layer="filter",
             signal="icmp_send 3/13 in the task's context, then kfree_skb NETFILTER_DROP",
             app="EHOSTUNREACH", view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.filtered(lab, lab.client, "output", "reject with icmp type admin-prohibited")
