# SPDX-License-Identifier: Apache-2.0
"""The router's connection-tracking table is full."""
import peers
import steps

LIMIT = "/proc/sys/net/netfilter/nf_conntrack_max"
TRUTH = dict(pattern="conntrack-full", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP in PREROUTING without a rule; the netns's drop counter moves",
             app="timeout", view=["client", "router", "server"], accept=[], alone=True)


def run(lab):
    flow, filler = lab.flow(), lab.flow(proto="udp")
    # Only the initial namespace may set the limit, and it counts for each namespace.
    limit = lab.rng.randrange(150, 400)
    lab.set_machine(LIMIT, limit)
    lab.router.nft(steps.chain(lab, "forward", ["ct state new counter accept"]))
    lab.server.start(peers.udp_sink, filler)
    lab.client.call(peers.udp_spread, filler, limit + 50)
    return steps.serve_and_dial(lab, flow)
