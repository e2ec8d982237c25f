# SPDX-License-Identifier: Apache-2.0
"""Packets are lost at random on the way; uploads send them again."""
import impair
import loads

TRUTH = dict(label=2, where="router", signal="retransmission_rate > 0.05", view=["client"],
             levels={"light": {"percent": 15}, "heavy": {"percent": 30}})


def run(lab, percent=25, connections=12, block=10000, pause=0.02):
    target = lab.flow()
    impair.unmerged(lab.client)
    impair.acknowledging(lab.server, lab.server.gw)
    lab.server.start(loads.swallow, target)
    lab.client.start(loads.uploads, target, connections, block, pause)
    impair.background(lab)
    yield [target]
    told = impair.counted(lab.client, "Tcp", "RetransSegs", "segments sent again")
    with impair.lossy(lab, target, percent):
        yield
        proof = told()
    return proof
