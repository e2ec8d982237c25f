# SPDX-License-Identifier: Apache-2.0
"""The server closes with the request unread, over IPv6."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
