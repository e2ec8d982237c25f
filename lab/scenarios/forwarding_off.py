# SPDX-License-Identifier: Apache-2.0
"""The router does not forward: net.ipv4.ip_forward is 0."""
import steps

TRUTH = dict(pattern="forwarding-off", where="router", layer="ip",
             signal="kfree_skb IP_INADDRERRORS at ip_error", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    lab.router.sysctl(ipv4__ip_forward=0)
    return steps.serve_and_dial(lab, lab.flow())
