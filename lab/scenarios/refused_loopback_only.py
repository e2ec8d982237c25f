# SPDX-License-Identifier: Apache-2.0
"""The server listens, but on 127.0.0.1 only."""
import peers
import steps

TRUTH = dict(pattern="nothing-listens", where="server", layer="tcp",
             signal="tcp_send_reset NO_SOCKET for a SYN", app="ECONNREFUSED",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.server.start(peers.serve, flow, bind="127.0.0.1")
    return steps.dial(lab, flow)
