# SPDX-License-Identifier: Apache-2.0
"""A quarter of the packets is lost on the way, at random."""
import peers
import steps

TRUTH = dict(pattern="packet-loss", where="router", layer="ip",
             signal="tcp_retransmit_skb again and again while the window is open",
             app="ok|timeout", view=["client", "server"], accept=[])


def run(lab):
    flow = lab.flow()
    lab.server.start(peers.serve, flow)
    client = lab.client.start(peers.chat, flow, lab.patience(2.5, 3.5))
    percent = lab.rng.randrange(22, 28)
    lab.router.nft(steps.chain(lab, "forward", [f"numgen random mod 100 < {percent} drop"]))
    return steps.finish(lab, client, flow)
