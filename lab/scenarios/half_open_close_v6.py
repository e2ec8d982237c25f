# SPDX-License-Identifier: Apache-2.0
"""The peer is gone without a word; the FIN of an IPv6 client is never acknowledged."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
