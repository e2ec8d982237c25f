# SPDX-License-Identifier: Apache-2.0
"""The peer is gone without a word; the client's FIN is never acknowledged."""
import steps

TRUTH = dict(pattern="half-open", where="client", layer="tcp",
             signal="retransmissions in FIN_WAIT1 of an orphaned socket", app="ok",
             view=["client"], accept=[])


def run(lab, family=4):
    flow = lab.flow(family)
    client = steps.connected(lab, flow, "close")
    steps.silence(lab, flow)
    app = steps.finish(lab, client, flow)
    steps.wait_retransmits(lab.client, flow, 3, 5)
    return app
