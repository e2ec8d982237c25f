# SPDX-License-Identifier: Apache-2.0
"""Nothing listens on the port, over IPv6."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
