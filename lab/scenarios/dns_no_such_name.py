# SPDX-License-Identifier: Apache-2.0
"""A name that does not exist is asked for."""
import talkers

TRUTH = dict(pattern="dns-failure", where="server", layer="l7",
             signal="DNS answer with RCODE 3", app="NXDOMAIN",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]), proto="udp", port=53)
    lab.server.start(talkers.dns_server, flow)
    lab.trigger()
    return lab.client.call(talkers.dns_client, flow, [f"host{lab.rng.randrange(1000)}.lab.example"], lab.patience()), [flow]
