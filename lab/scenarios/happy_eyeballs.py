# SPDX-License-Identifier: Apache-2.0
"""Healthy: IPv6 and IPv4 race (RFC 8305); the slower connect() is abandoned."""
import peers

TRUTH = dict(pattern=None, where="-", layer="-",
             signal="none: SYN_SENT to CLOSE by the application itself", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow4 = lab.flow()
    flow6 = lab.flow(6, port=flow4.port)
    lab.server.start(peers.serve, flow6)  # [::] serves IPv4 as well
    # The answers come slowly, so that the abandoned attempt is still under way.
    lab.server.sh("tc qdisc add dev eth0 root tbf rate 60kbit burst 100 limit 20000")
    lab.trigger()
    return lab.client.call(peers.race, [flow6, flow4], lab.rng.randrange(5, 12)), [flow4, flow6]
