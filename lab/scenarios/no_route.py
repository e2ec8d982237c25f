# SPDX-License-Identifier: Apache-2.0
"""The client has no route to the server."""
import steps

TRUTH = dict(pattern="no-route", where="client", layer="route",
             signal="connect() returns ENETUNREACH after a failed lookup", app="ENETUNREACH",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    lab.client.sh(f"ip -{family} route del default")
    return steps.dial(lab, lab.flow(family))
