# SPDX-License-Identifier: Apache-2.0
"""The server accepts but never reads: its window closes and the upload stalls."""
import peers
import steps

TRUTH = dict(pattern="zero-window", where="server", layer="tcp",
             signal="window 0 announced; the sender's time limited by the receiver grows",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab, family=4):
    flow = lab.flow(family)
    lab.server.start(peers.never_read, flow, lab.rng.choice([4096, 8192, 16384]))
    total = lab.rng.randrange(6 << 20, 9 << 20)  # more than both kernels' buffers hold
    client = lab.client.start(peers.upload, flow, total, lab.patience(2.0, 3.0))
    return steps.finish(lab, client, flow)
