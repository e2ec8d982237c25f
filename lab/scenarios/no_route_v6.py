# SPDX-License-Identifier: Apache-2.0
"""The client has no IPv6 route to the server."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
