# SPDX-License-Identifier: Apache-2.0
"""Healthy: a name has both kinds of addresses, this host has no IPv6 route; it does without."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: connect() to the IPv4 address follows", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow4 = lab.flow()
    flow6 = lab.flow(6, port=flow4.port)
    lab.client.sh("ip -6 route del default")
    lab.server.start(peers.serve, flow6)  # [::] serves IPv4 as well
    lab.trigger()
    return lab.client.call(peers.one_after_another, [flow6, flow4]), [flow4, flow6]
