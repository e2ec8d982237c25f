# SPDX-License-Identifier: Apache-2.0
"""An idle connection's path dies; keep-alive probes stay unanswered."""
import socket

import steps

TRUTH = dict(pattern="keepalive-timeout", where="client", layer="tcp",
             signal="tcp_send_reset TCP_KEEPALIVE_TIMEOUT", app="ETIMEDOUT", view=["client"],
             accept=[])


def run(lab):
    flow = lab.flow()
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
               (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
               (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, lab.rng.choice([1, 2]))]
    client = steps.connected(lab, flow, "wait", timeout=8, options=options)
    steps.silence(lab, flow)
    return steps.finish(lab, client, flow)
