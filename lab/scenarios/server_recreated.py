# SPDX-License-Identifier: Apache-2.0
"""The server's namespace is replaced by a new one with the same address; an old connection sends."""
import peers
import steps

TRUTH = dict(pattern="lost-state", where="spare", layer="tcp",
             signal="tcp_send_reset NO_SOCKET (or TCP_FLAGS from a listener) for data, not a SYN",
             app="ECONNRESET", view=["client", "router", "server", "spare"], accept=[])


def run(lab):
    flow = lab.flow()
    client = steps.connected(lab, flow, "ask")
    # The interface moves with its MAC: nothing but the sockets differs in the new namespace.
    lab.server.sh(f"ip link set eth0 netns {lab.spare.netns}")
    lab.configure_host(lab.spare, lab.server)
    # With the service back, the stray data meets its listener: reason TCP_FLAGS instead of NO_SOCKET.
    if lab.rng.random() < 0.5:
        lab.spare.start(peers.serve, flow)
    return steps.finish(lab, client, flow)
