# SPDX-License-Identifier: Apache-2.0
"""The router forgot the connection and drops what is 'ct state invalid'."""
import steps

TRUTH = dict(pattern="conntrack-invalid", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP of an established flow's data without a conntrack entry",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.router.sysctl(netfilter__nf_conntrack_tcp_loose=0)
    lab.router.nft(steps.chain(lab, "forward", ["ct state invalid counter drop",
                                                "ct state new,established accept"]))
    client = steps.connected(lab, flow, "ask")
    lab.router.sh("conntrack -F", check=False)
    return steps.finish(lab, client, flow)
