# SPDX-License-Identifier: Apache-2.0
"""Nothing listens on the UDP port: ICMPv6 port-unreachable comes back."""
import steps

TRUTH, run = steps.over_ipv6(__file__, signal="ICMPv6 1/4 sent with kfree_skb NO_SOCKET")
