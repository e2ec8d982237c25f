# SPDX-License-Identifier: Apache-2.0
"""The SYN disappears somewhere beyond what is watched."""
import steps

TRUTH = dict(pattern="black-hole", where="router", layer="ip",
             signal="SYN retransmissions and no sign of life", app="timeout", view=["client"],
             accept=[])


def run(lab, family=4):
    flow = lab.flow(family)
    steps.silence(lab, flow)
    return steps.serve_and_dial(lab, flow, timeout=lab.patience(2.6, 3.6))
