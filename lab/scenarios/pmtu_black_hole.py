# SPDX-License-Identifier: Apache-2.0
"""A link with a small MTU and a filter that swallows 'fragmentation needed'."""
import steps

TRUTH = dict(pattern="pmtu-black-hole", where="router", layer="ip",
             signal="icmp_send 3/4, and kfree_skb of that very ICMP", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    lab.router.sh(f"ip link set lan1 mtu {lab.rng.randrange(1280, 1400)}")
    lab.router.nft(steps.chain(lab, "output", ["icmp type destination-unreachable drop"], family="ip"))
    client, flow = steps.uploading(lab, lab.rng.randrange(4000, 9000), lab.patience(2.0, 3.0))
    return steps.finish(lab, client, flow)
