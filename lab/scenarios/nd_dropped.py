# SPDX-License-Identifier: Apache-2.0
"""A firewall at one end drops ICMPv6, neighbour discovery and all (RFC 4890 4.4.1 says not to)."""
import steps

TRUTH = dict(pattern="filter-drop", where="client or server", layer="filter",
             signal="kfree_skb NETFILTER_DROP of a neighbour solicitation or advertisement", app="timeout|EHOSTUNREACH",
             view=["client", "router", "server"], accept=[])


def run(lab):
    rule = lab.rng.choice(["meta l4proto icmpv6 drop", "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop",
                           "meta l4proto != { tcp, udp } counter drop"])
    return steps.unfound(lab, 6, lambda hook: steps.chain(lab, hook, [rule]))
