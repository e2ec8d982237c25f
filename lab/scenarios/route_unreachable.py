# SPDX-License-Identifier: Apache-2.0
"""The client's route to the server is of type unreachable."""
import steps

TRUTH = dict(pattern="no-route", where="client", layer="route",
             signal="connect() returns EHOSTUNREACH from the lookup", app="EHOSTUNREACH",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    flow = lab.flow(family)
    lab.client.sh(f"ip route add unreachable {flow.server}/32")
    return steps.dial(lab, flow)
