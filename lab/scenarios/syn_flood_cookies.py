# SPDX-License-Identifier: Apache-2.0
"""A SYN flood from spoofed sources; SYN cookies keep the service alive."""
import steps

TRUTH = dict(pattern="syn-flood", where="server", layer="tcp",
             signal="the listener's request queue is full, TCPReqQFullDoCookies moves", app="ok",
             view=["server"], accept=[])


def run(lab):
    return steps.flooded(lab, cookies=1)
