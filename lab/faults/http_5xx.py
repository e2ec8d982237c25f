# SPDX-License-Identifier: Apache-2.0
"""A web server answers with a server error."""
import impair
import loads

TRUTH = dict(label=11, where="server", signal="http_status_code >= 500", view=["server"],
             levels={"light": {"of": 4}, "heavy": {"status": 503}})


def run(lab, status=500, of=1, connections=12):
    target = lab.flow()
    server = lab.server.start(loads.http, target)
    lab.client.start(loads.requests, target, connections, 0.05)
    impair.background(lab)
    yield [target]
    told = impair.counted(lab.client, "Tcp", "InSegs", "segments at the client")
    server.go({"status": status, "of": of})
    yield
    return told()
