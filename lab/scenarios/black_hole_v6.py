# SPDX-License-Identifier: Apache-2.0
"""An IPv6 SYN disappears somewhere beyond what is watched."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
