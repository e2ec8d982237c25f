# SPDX-License-Identifier: Apache-2.0
"""Healthy: an idle connection kept alive by probes that are answered."""
import socket

import steps

TRUTH = dict(pattern=None, where="-", layer="-",
             signal="none: keep-alive probes dropped as TCP_OLD_SEQUENCE at the receiver",
             app="ok", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
               (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)]
    client = steps.connected(lab, flow, "idle", timeout=lab.patience(2.5, 3.5), options=options)
    return steps.finish(lab, client, flow)
