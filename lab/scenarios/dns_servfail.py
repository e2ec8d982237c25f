# SPDX-License-Identifier: Apache-2.0
"""The DNS server cannot get an answer itself."""
import talkers

TRUTH = dict(pattern="dns-failure", where="server", layer="l7",
             signal="DNS answer with RCODE 2", app="SERVFAIL",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow(proto="udp", port=53)
    lab.server.start(talkers.dns_server, flow, rcode=2)
    lab.trigger()
    return lab.client.call(talkers.dns_client, flow, [f"host{lab.rng.randrange(1000)}.lab.example"], lab.patience()), [flow]
