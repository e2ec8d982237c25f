# SPDX-License-Identifier: Apache-2.0
"""The SYN's time to live ends at the router."""
import steps

TRUTH = dict(pattern="ttl-exceeded", where="router", layer="ip",
             signal="icmp_send 11/0, kfree_skb IP_INHDR at ip_forward", app="EHOSTUNREACH",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.serve_and_dial(lab, lab.flow(), ttl=1)
