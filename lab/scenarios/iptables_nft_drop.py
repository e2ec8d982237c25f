# SPDX-License-Identifier: Apache-2.0
"""A DROP rule of iptables-nft in the router's FORWARD chain."""
import steps

TRUTH = dict(pattern="filter-drop", where="router", layer="filter",
             signal="kfree_skb NETFILTER_DROP in nft_do_chain", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.router.sh(["iptables-nft", "-w", "-A", "FORWARD", "-p", "tcp", "--dport", str(flow.port),
                   "-m", "comment", "--comment", lab.rng.choice(steps.WORDS), "-j", "DROP"])
    return steps.serve_and_dial(lab, flow)
