# SPDX-License-Identifier: Apache-2.0
"""The client's own firewall resets the connection it is opening."""
import steps

TRUTH = dict(pattern="filter-reject", where="client", layer="filter",
             signal="kfree_skb NETFILTER_DROP in OUTPUT; reset through lo", app="ECONNREFUSED",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.filtered(lab, lab.client, "output", "reject with tcp reset")
