# SPDX-License-Identifier: Apache-2.0
"""A server accepts more slowly than clients come; its accept queue overflows."""
import impair
import loads

TRUTH = dict(label=7, where="server", signal="tcp_listen_overflows > 0", view=["server"],
             levels={"light": {"pause": 0.15}, "heavy": {"pause": 0.4}})


def run(lab, pause=0.2, per_second=18, backlog=2):
    target = lab.flow()
    server = lab.server.start(loads.busy, target, backlog, pause)
    lab.client.start(loads.visits, target, per_second, 100, 0.8, greeting=11)
    yield [target]
    told = impair.counted(lab.server, "TcpExt", "ListenOverflows", "listen overflows")
    server.go()
    yield
    return told()
