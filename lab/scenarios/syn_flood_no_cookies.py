# SPDX-License-Identifier: Apache-2.0
"""A SYN flood from spoofed sources; without SYN cookies real clients time out."""
import steps

TRUTH = dict(pattern="syn-flood", where="server", layer="tcp",
             signal="the listener's request queue is full, TCPReqQFullDrop moves", app="timeout",
             view=["server"], accept=[])


def run(lab):
    return steps.flooded(lab, cookies=0)
