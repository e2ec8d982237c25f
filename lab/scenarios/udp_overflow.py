# SPDX-License-Identifier: Apache-2.0
"""A UDP server too slow for a burst: its receive buffer overflows."""
import peers

TRUTH = dict(pattern="udp-receive-overflow", where="server", layer="udp",
             signal="udp_fail_queue_rcv_skb, kfree_skb SOCKET_RCVBUFF", app="lost",
             view=["client", "router", "server"], accept=[])


def run(lab):
    flow, count = lab.flow(proto="udp"), lab.rng.randrange(40, 120)
    server = lab.server.start(peers.udp_slow_reader, flow, lab.rng.choice([2304, 4096, 8192]))
    lab.trigger()
    lab.client.call(peers.udp_burst, flow, count, lab.rng.randrange(500, 1300))
    server.go(count)
    return server.result(), [flow]
