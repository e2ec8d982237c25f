# SPDX-License-Identifier: Apache-2.0
"""The server's process is stopped: its kernel still takes connections and requests."""
import signal

import talkers

TRUTH = dict(pattern="request-timeout", where="server", layer="l7",
             signal="FIN of the client after a second or more without an answer", app="timeout",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    flow = lab.flow(lab.rng.choice([4, 6]))
    server = lab.server.start(talkers.http_server, flow)
    server.kill(signal.SIGSTOP)
    lab.trigger()
    return lab.client.call(talkers.http_client, flow, lab.patience()), [flow]
