# SPDX-License-Identifier: Apache-2.0
"""The server closes with the request unread: its kernel resets the connection."""
import steps

TRUTH = dict(pattern="server-abort", where="server", layer="tcp",
             signal="tcp_send_reset TCP_ABORT_ON_CLOSE", app="ECONNRESET",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    return steps.hit_by(lab, "unread", family=family)
