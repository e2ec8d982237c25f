# SPDX-License-Identifier: Apache-2.0
"""The server is killed with SIGKILL while the client is idle; the client then sends."""
import peers
import steps

TRUTH = dict(pattern="process-exit", where="server", layer="process",
             signal="sched_process_exit with signal 9, no mark_victim", app="EPIPE|ECONNRESET",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    flow = lab.flow(family)
    server = lab.server.start(peers.serve, flow)
    client = lab.client.start(peers.session, flow, lab.patience(), then="poke")
    server.stop()
    return steps.finish(lab, client, flow)
