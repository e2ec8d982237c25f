# SPDX-License-Identifier: Apache-2.0
"""The server's link is down and its neighbour entry is static, as some CNIs set it."""
import steps

TRUTH = dict(pattern="link-down", where="router", layer="link",
             signal="kfree_skb QDISC_DROP at __dev_queue_xmit (noop qdisc) of the SYN",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.router.sh(f"ip neigh change {flow.server} dev lan1 nud permanent")
    steps.cut_link(lab, flow)
    return steps.dial(lab, flow)
