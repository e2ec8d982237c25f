# SPDX-License-Identifier: Apache-2.0
"""A cgroup_skb ingress program of the server's cgroup denies the SYN."""
import faultbpf
import peers
import steps

TRUTH = dict(pattern="bpf-drop", where="server", layer="bpf",
             signal="kfree_skb SOCKET_FILTER with the listener as receiving socket",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    flow, group = lab.flow(), lab.cgroup("v2")
    faultbpf.attach_cgroup(lab, group, "cgroup_skb", "ingress")
    lab.server.start(peers.in_cgroup, group, peers.serve, flow)
    return steps.dial(lab, flow)
