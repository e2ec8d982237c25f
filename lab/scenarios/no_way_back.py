# SPDX-License-Identifier: Apache-2.0
"""The server has no route to the client's network: it cannot answer."""
import steps

TRUTH = dict(pattern="no-route", where="server", layer="ip",
             signal="no SYN-ACK although a socket listens; the server's route lookup fails", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]))
    lab.server.ip_cmd(["route del ::/0" if flow.family == 6 else "route del default"])
    return steps.serve_and_dial(lab, flow)
