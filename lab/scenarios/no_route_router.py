# SPDX-License-Identifier: Apache-2.0
"""The router has no route to the destination and says so."""
import steps

TRUTH = dict(pattern="no-route", where="router", layer="route",
             signal="kfree_skb IP_INNOROUTES, icmp_send 3/0", app="ENETUNREACH",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.dial(lab, lab.flow(server=f"198.18.{lab.rng.randrange(256)}.{lab.rng.randrange(1, 255)}"))
