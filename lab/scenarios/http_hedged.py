# SPDX-License-Identifier: Apache-2.0
"""Healthy: a client that hedges lets go of the slower of two requests as soon as the other one is answered."""
import talkers

TRUTH = dict(pattern=None, where="-", layer="-", signal="none: a request is given up after milliseconds", app="ok",
             view=["client", "router", "server"], accept=[], options=["--requests"])


def run(lab):
    fast, slow = lab.flow(), lab.flow()
    lab.server.start(talkers.http_server, fast)
    lab.server.start(talkers.http_silent, slow)
    lab.trigger()
    return lab.client.call(talkers.http_hedged, fast, slow, lab.patience(), lab.rng.randrange(3, 9)), [fast, slow]
