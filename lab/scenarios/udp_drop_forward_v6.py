# SPDX-License-Identifier: Apache-2.0
"""The router's firewall drops a UDP query over IPv6."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
