# SPDX-License-Identifier: Apache-2.0
"""The server stopped accepting; its accept queue is full and it ignores the SYN."""
import peers
import steps

TRUTH = dict(pattern="accept-queue-overflow", where="server", layer="tcp",
             signal="the listener's accept queue exceeds its limit", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    flow, backlog = lab.flow(family), lab.rng.randrange(1, 8)
    lab.server.start(peers.never_accept, flow, backlog)
    # The kernel lets one more in than the backlog says (sk_acceptq_is_full() is '>').
    lab.client.start(peers.hold, flow, backlog + 1, comm="crowd")
    return steps.dial(lab, flow)
