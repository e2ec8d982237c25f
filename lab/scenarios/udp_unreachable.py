# SPDX-License-Identifier: Apache-2.0
"""Nothing listens on the UDP port: ICMP port-unreachable comes back."""
import peers

TRUTH = dict(pattern="udp-unreachable", where="server", layer="udp",
             signal="icmp_send 3/3 with kfree_skb NO_SOCKET", app="ECONNREFUSED",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    flow = lab.flow(family, proto="udp")
    lab.trigger()
    return lab.client.call(peers.udp_ask, flow, lab.patience()), [flow]
