# SPDX-License-Identifier: Apache-2.0
"""A cgroup_skb egress program of the client's cgroup denies its packets."""
import faultbpf
import peers

TRUTH = dict(pattern="bpf-drop", where="client", layer="bpf",
             signal="kfree_skb BPF_CGROUP_EGRESS in the task's context", app="timeout|EPERM",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow, group = lab.flow(), lab.cgroup("v2")
    faultbpf.attach_cgroup(lab, group, "cgroup_skb", "egress")
    lab.server.start(peers.serve, flow)
    lab.trigger()
    return lab.client.call(peers.in_cgroup, group, peers.connect, flow, lab.patience()), [flow]
