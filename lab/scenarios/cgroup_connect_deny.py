# SPDX-License-Identifier: Apache-2.0
"""A cgroup connect4 program refuses connect() with EPERM: not one packet is sent."""
import faultbpf
import peers

TRUTH = dict(pattern="bpf-drop", where="client", layer="bpf",
             signal="connect() returns EPERM without a state change", app="EPERM",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow, group = lab.flow(), lab.cgroup("v2")
    faultbpf.attach_cgroup(lab, group, "cgroup_connect", "connect4")
    lab.server.start(peers.serve, flow)
    lab.trigger()
    return lab.client.call(peers.in_cgroup, group, peers.connect, flow, lab.patience()), [flow]
