# SPDX-License-Identifier: Apache-2.0
"""A BPF program at the TC ingress hook of the router's lan0 drops the SYN."""
import faultbpf
import steps

TRUTH = dict(pattern="bpf-drop", where="router", layer="bpf", signal="kfree_skb TC_INGRESS",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    faultbpf.attach_tc(lab, lab.router, "lan0", "ingress")
    return steps.serve_and_dial(lab, flow)
