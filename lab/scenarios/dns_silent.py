# SPDX-License-Identifier: Apache-2.0
"""The DNS server takes queries and says nothing."""
import talkers

TRUTH = dict(pattern="dns-failure", where="server", layer="l7",
             signal="5 s without an answer to a query that was repeated", app="timeout",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow(proto="udp", port=53)
    lab.server.start(talkers.dns_server, flow, rcode=None)
    lab.trigger()
    return lab.client.call(talkers.dns_client, flow, [f"host{lab.rng.randrange(1000)}.lab.example"], 6, times=3), [flow]
