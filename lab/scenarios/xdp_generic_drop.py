# SPDX-License-Identifier: Apache-2.0
"""An XDP program (generic mode) on the router's lan0 drops everything that comes in."""
import faultbpf
import steps

TRUTH = dict(pattern="bpf-drop", where="router", layer="bpf",
             signal="kfree_skb NOT_SPECIFIED at do_xdp_generic", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    faultbpf.attach_xdp(lab, lab.router, "lan0", "generic")
    return steps.serve_and_dial(lab, flow)
