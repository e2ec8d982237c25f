# SPDX-License-Identifier: Apache-2.0
"""The client's route to the server is of type blackhole."""
import steps

TRUTH = dict(pattern="no-route", where="client", layer="route",
             signal="connect() returns EINVAL from the lookup", app="EINVAL",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    flow = lab.flow(family)
    lab.client.sh(f"ip route add blackhole {flow.server}/32")
    return steps.dial(lab, flow)
