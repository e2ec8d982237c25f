# SPDX-License-Identifier: Apache-2.0
"""Nothing listens on the port: the server's kernel answers the SYN with a reset."""
import steps

TRUTH = dict(pattern="nothing-listens", where="server", layer="tcp",
             signal="tcp_send_reset NO_SOCKET for a SYN", app="ECONNREFUSED",
             view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    return steps.dial(lab, lab.flow(family))
