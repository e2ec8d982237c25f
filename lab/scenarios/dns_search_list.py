# SPDX-License-Identifier: Apache-2.0
"""Healthy: a resolver goes through its search list until a name exists."""
import talkers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: NXDOMAIN, then an answer",
             app="ok",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    host = f"db{lab.rng.randrange(100)}"
    names = [f"{host}.{suffix}" for suffix in ("prod.svc.example", "svc.example", "example")]
    flow = lab.flow(proto="udp", port=53)
    lab.server.start(talkers.dns_server, flow, known=names[-1:])
    lab.trigger()
    return lab.client.call(talkers.dns_client, flow, names, lab.patience()), [flow]
