# SPDX-License-Identifier: Apache-2.0
"""The server's keep-alive time-out ends a pooled connection as the client uses it again."""
import time

import talkers

IDLE_S = 1.3

TRUTH = dict(pattern="keepalive-race", where="server", layer="l7",
             signal="FIN of the server within a round trip of the request", app="closed|ECONNRESET|EPIPE",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow, answered = lab.flow(), lab.rng.randrange(1, 5)
    server = lab.server.start(talkers.http_closing_server, flow, answered)
    client = lab.client.start(talkers.http_pooled, flow, lab.patience(), answered, IDLE_S)
    time.sleep(IDLE_S)  # the silence is the fault: nothing happens that could be waited for
    lab.trigger()
    server.go()
    client.go()
    return client.result(), [flow]
