# SPDX-License-Identifier: Apache-2.0
"""Healthy: keep-alive HTTP requests, and a chatty protocol over IPv6."""
import loads
import peers

TRUTH = dict(label=0, where="-", signal="none", view=["server"], levels={})


def run(lab, connections=8, pause=0.05):
    web, chat = lab.flow(), lab.flow(6)
    lab.server.start(loads.http, web)
    lab.server.start(loads.serve_with, chat, peers.echo)
    lab.client.start(loads.requests, web, connections, pause)
    lab.client.start(loads.chats, chat, connections, pause)
    yield [web, chat]
    yield
    return "nothing was done to it", True
