# SPDX-License-Identifier: Apache-2.0
"""The server's memory cgroup is almost full, and what else it reads finds no room to stay."""
import impair
import loads
import peers
import steps
from topology import wait_for

TRUTH = dict(label=5, where="server", signal="memory_usage_percent > 90 with PSI above 0", view=["server"],
             levels={"light": {"percent": 93}, "heavy": {"percent": 97}}, alone=True)


def run(lab, percent=95, megabytes=192, connections=12):
    target, group = lab.flow(), steps.memory_cgroup(lab, megabytes << 20)
    lab.server.start(peers.in_cgroup, group, loads.stream, target, 8000, 0.05, 0.0005)
    lab.client.start(loads.downloads, target, connections)
    impair.background(lab)
    yield [target]
    told = impair.witness(impair.memory_stalls, "us waited for memory")
    hog = impair.memory_hog(lab, group, (megabytes << 20) * percent // 100)
    wait_for(lambda: impair.memory_pressure() > 0, 10, "pressure by memory", 0.1)
    yield
    hog.stop()
    return told()
