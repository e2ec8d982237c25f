# SPDX-License-Identifier: Apache-2.0
"""A DROP rule of iptables-legacy in the server's INPUT chain."""
import steps

TRUTH = dict(pattern="filter-drop", where="server", layer="filter",
             signal="kfree_skb NETFILTER_DROP at nf_hook_slow", app="timeout",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.server.sh(["iptables-legacy", "-w", "-A", "INPUT", "-p", "tcp", "--dport", str(flow.port),
                   "-m", "comment", "--comment", lab.rng.choice(steps.WORDS), "-j", "DROP"])
    return steps.serve_and_dial(lab, flow)
