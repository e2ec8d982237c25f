# SPDX-License-Identifier: Apache-2.0
"""A BPF program at the TC egress hook of the client's eth0 drops the SYN."""
import faultbpf
import steps

TRUTH = dict(pattern="bpf-drop", where="client", layer="bpf", signal="kfree_skb TC_EGRESS",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    faultbpf.attach_tc(lab, lab.client, "eth0", "egress")
    return steps.serve_and_dial(lab, flow)
