# SPDX-License-Identifier: Apache-2.0
"""Healthy: a resolver asks two DNS servers at once and closes with the first answer; the other one comes too late."""
import talkers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: late answers find no socket", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    name = f"host{lab.rng.randrange(1000)}.lab.example"
    fast, late = lab.flow(proto="udp"), lab.flow(proto="udp")
    lab.server.start(talkers.dns_server, fast, [name])
    lab.server.start(talkers.dns_server, late, [name], after_s=0.1)
    lab.trigger()
    return lab.client.call(talkers.dns_racer, [fast, late], name, lab.rng.randrange(3, 7), 0.2), [fast, late]
