# SPDX-License-Identifier: Apache-2.0
"""An XDP program (native mode) on the router's lan0 drops everything that comes in."""
import faultbpf
import steps

TRUTH = dict(pattern="bpf-drop", where="router", layer="bpf",
             signal="kfree_skb NOT_SPECIFIED at veth_xdp_rcv_skb", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    faultbpf.attach_xdp(lab, lab.router, "lan0", "native")
    return steps.serve_and_dial(lab, flow)
