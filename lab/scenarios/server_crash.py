# SPDX-License-Identifier: Apache-2.0
"""The server crashes (SIGSEGV) while it handles the request."""
import steps

TRUTH = dict(pattern="process-exit", where="server", layer="process",
             signal="sched_process_exit with signal 11", app="closed|ECONNRESET",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.hit_by(lab, "crash")
