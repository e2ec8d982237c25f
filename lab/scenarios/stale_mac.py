# SPDX-License-Identifier: Apache-2.0
"""The router's neighbour entry holds the MAC of a server that was replaced."""
import steps

TRUTH = dict(pattern="wrong-mac", where="server", layer="neighbour",
             signal="kfree_skb OTHERHOST at ip_rcv_core of the receiver", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    mac = "02:00:" + ":".join(f"{lab.rng.randrange(256):02x}" for _ in range(4))
    lab.router.sh(f"ip neigh replace {flow.server} lladdr {mac} dev lan1 nud permanent")
    return steps.serve_and_dial(lab, flow)
