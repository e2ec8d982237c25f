# SPDX-License-Identifier: Apache-2.0
"""The router's firewall silently drops an IPv6 SYN."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
