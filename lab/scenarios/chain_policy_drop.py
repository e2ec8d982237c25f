# SPDX-License-Identifier: Apache-2.0
"""No rule of the server's input chain matches and its policy is drop."""
import steps

TRUTH = dict(pattern="filter-drop", where="server", layer="filter",
             signal="kfree_skb NETFILTER_DROP from the base chain's policy", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    rules = ["ct state established,related accept", "icmp type echo-request accept",
             f"tcp dport {{ 22, {flow.port % 1000 + 30000} }} accept"]
    lab.server.nft(steps.chain(lab, "input", rules, policy="drop", family="ip"))
    return steps.serve_and_dial(lab, flow)
