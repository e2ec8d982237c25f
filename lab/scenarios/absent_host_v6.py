# SPDX-License-Identifier: Apache-2.0
"""Nobody on the client's own network has the IPv6 address."""
import steps

TRUTH, run = steps.over_ipv6(__file__,
                             signal="kfree_skb NOT_SPECIFIED at neigh_invalidate (IPv6 gives no reason)")
