# SPDX-License-Identifier: Apache-2.0
"""Servers with a small buffer read too slowly; the window they announce is shut most of the time."""
import impair
import loads
from topology import wait_for

TRUTH = dict(label=8, where="server", signal="zero_window_count > 5 or shut for more than 0.5 s", view=["client"],
             levels={"light": {"pause": 0.3}, "heavy": {"pause": 0.8}})


def run(lab, pause=0.5, rcvbuf=65536, connections=12):
    target = lab.flow()
    server = lab.server.start(loads.lazy, target, rcvbuf, pause)
    lab.client.start(loads.uploads, target, connections, 32768, 0.02)
    impair.background(lab)
    yield [target]
    told = impair.counted(lab.server, "TcpExt", "TCPToZeroWindowAdv", "windows shut")
    server.go()
    wait_for(lambda: int(told()[0].split()[0]) >= connections, 10, "the windows to shut", 0.05)
    yield
    return told()
