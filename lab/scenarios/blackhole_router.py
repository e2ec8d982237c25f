# SPDX-License-Identifier: Apache-2.0
"""A blackhole route on the router swallows the SYN."""
import steps

TRUTH = dict(pattern="no-route", where="router", layer="route",
             signal="kfree_skb NOT_SPECIFIED at ip_error after a lookup with EINVAL",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.router.sh(f"ip route add blackhole {flow.server}/32")
    return steps.serve_and_dial(lab, flow)
