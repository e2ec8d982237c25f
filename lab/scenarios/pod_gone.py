# SPDX-License-Identifier: Apache-2.0
"""The server's address vanishes under an open connection."""
import steps

TRUTH = dict(pattern="arp-failure", where="router", layer="neighbour",
             signal="kfree_skb NEIGH_FAILED at the router for the data",
             app="timeout|EHOSTUNREACH", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    client = steps.connected(lab, flow, "ask", timeout=lab.patience(3.8, 4.5))
    lab.server.ip_cmd([f"addr del {flow.server}/24 dev eth0"])
    lab.router.sh("ip neigh flush to " + flow.server)
    return steps.finish(lab, client, flow)
