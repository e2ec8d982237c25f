# SPDX-License-Identifier: Apache-2.0
"""Handshakes complete at the client while the server's accept queue is already full."""
import peers

TRUTH = dict(pattern="accept-queue-overflow", where="server", layer="tcp",
             signal="kfree_skb TCP_LISTEN_OVERFLOW with the listener as receiving socket",
             app="timeout", view=["client", "router", "server"], accept=[])


def run(lab):
    flow, backlog = lab.flow(), lab.rng.randrange(4, 8)
    lab.server.start(peers.never_accept, flow, backlog)
    lab.client.start(peers.hold, flow, backlog - 1, comm="crowd")
    # A slow uplink: all SYNs are at the server before the first final ACK is.
    lab.client.sh("tc qdisc add dev eth0 root tbf rate 40kbit burst 200 limit 20000")
    lab.trigger()
    return lab.client.call(peers.burst, flow, backlog, lab.patience(2.0, 2.8)), [flow]
