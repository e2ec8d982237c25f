# SPDX-License-Identifier: Apache-2.0
"""TCP_USER_TIMEOUT ends a connection whose data nobody acknowledges."""
import socket

import steps

TRUTH = dict(pattern="keepalive-timeout", where="client", layer="tcp",
             signal="ESTABLISHED to CLOSE with ETIMEDOUT and no reset", app="ETIMEDOUT",
             view=["client"], accept=[])


def run(lab):
    flow = lab.flow()
    patience_ms = lab.rng.randrange(1000, 2000)
    options = [(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience_ms)]
    client = steps.connected(lab, flow, "ask", timeout=8, options=options)
    steps.silence(lab, flow)
    return steps.finish(lab, client, flow)
