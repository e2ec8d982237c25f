# SPDX-License-Identifier: Apache-2.0
"""Every ephemeral port towards the server is taken."""
import peers
import steps

TRUTH = dict(pattern="port-exhaustion", where="client", layer="tcp",
             signal="connect() returns EADDRNOTAVAIL", app="EADDRNOTAVAIL",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow, count = lab.flow(), lab.rng.randrange(2, 13, 2)
    # Measured: of an odd number of ports connect() does not always find the last one.
    first = lab.rng.randrange(33000, 60000)
    lab.client.sysctl(ipv4__ip_local_port_range=f"{first} {first + count - 1}")
    lab.server.start(peers.serve, flow)
    lab.client.start(peers.hold, flow, count, comm="pool")
    return steps.dial(lab, flow)
