# SPDX-License-Identifier: Apache-2.0
"""The server exceeds its memory cgroup while it handles the request and is OOM-killed."""
import steps

TRUTH = dict(pattern="oom-kill", where="server", layer="process",
             signal="mark_victim of the process that owns the socket", app="closed|ECONNRESET",
             view=["client", "router", "server"], accept=[], alone=True)


def run(lab):
    megabytes = lab.rng.randrange(20, 40)
    return steps.hit_by(lab, "eat", steps.memory_cgroup(lab, megabytes << 20), megabytes << 22)
