# SPDX-License-Identifier: Apache-2.0
"""The SYN arrives and is answered, but the SYN-ACK disappears on the way back."""
import steps

TRUTH = dict(pattern="return-path-loss", where="router", layer="ip",
             signal="tcp_retransmit_synack at the server for the tuple", app="timeout",
             view=["client", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    steps.silence(lab, flow, back=True)
    return steps.serve_and_dial(lab, flow, timeout=lab.patience(2.6, 3.6))
