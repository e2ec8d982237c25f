# SPDX-License-Identifier: Apache-2.0
"""The server is killed while an IPv6 client is idle; the client then sends."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
