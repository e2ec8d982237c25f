# SPDX-License-Identifier: Apache-2.0
"""The server closes with SO_LINGER 0: a reset instead of a FIN."""
import steps

TRUTH = dict(pattern="server-abort", where="server", layer="tcp",
             signal="tcp_send_reset TCP_STATE from close()", app="ECONNRESET",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.hit_by(lab, "linger")
