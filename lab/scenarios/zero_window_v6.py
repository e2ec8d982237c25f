# SPDX-License-Identifier: Apache-2.0
"""The server accepts but never reads: an IPv6 upload stalls."""
import steps

TRUTH, run = steps.over_ipv6(__file__)
