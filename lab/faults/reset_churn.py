# SPDX-License-Identifier: Apache-2.0
"""Short connections, each ended by the server with a reset instead of a FIN."""
import impair
import loads

TRUTH = dict(label=9, where="server", signal="tcp_resets > 50", view=["server"],
             levels={"light": {"per_second": 70}, "heavy": {"per_second": 180}})


def run(lab, per_second=100):
    target = lab.flow()
    server = lab.server.start(loads.breaker, target)
    lab.client.start(loads.visits, target, per_second)
    impair.background(lab)
    yield [target]
    told = impair.counted(lab.server, "Tcp", "OutRsts", "resets sent")
    server.go()
    yield
    return told()
