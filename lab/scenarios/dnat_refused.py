# SPDX-License-Identifier: Apache-2.0
"""A service address leads (DNAT) to a server where nothing listens."""
import steps

TRUTH = dict(pattern="nothing-listens", where="server", layer="tcp",
             signal="tcp_send_reset NO_SOCKET for the translated SYN", app="ECONNREFUSED",
             view=["client", "router", "server"], accept=[])


def run(lab):
    return steps.dial(lab, steps.translated(lab, lab.flow()))
