# SPDX-License-Identifier: Apache-2.0
"""The server's cgroup gets less CPU time than its work needs."""
import impair
import loads
import peers

TRUTH = dict(label=1, where="server", signal="cpu_throttle_ratio > 0.1", view=["server"],
             levels={"light": {"percent": 25}, "heavy": {"percent": 8}})


def run(lab, percent=15, connections=12):
    target, group = lab.flow(), impair.cpu_cgroup(lab)
    lab.server.start(peers.in_cgroup, group, loads.stream, target, 8000, 0.05, 0.003)
    lab.client.start(loads.downloads, target, connections)
    impair.background(lab)
    yield [target]
    told = impair.witness(lambda: impair.throttle_count(group), "periods throttled")
    with impair.throttled(group, percent):
        yield
        proof = told()
    return proof
