# SPDX-License-Identifier: Apache-2.0
"""Some acknowledgements are held back on the way, in order, so the latency jumps."""
import impair
import loads

TRUTH = dict(label=3, where="router", signal="inter_arrival_jitter > 0.5 ms and half the median latency",
             view=["server"], levels={"light": {"ms": 6}, "heavy": {"ms": 28}})


def run(lab, ms=15, share=0.3, connections=12):
    target = lab.flow()
    # Without loss probes (RFC 8985): they would send again what is merely late.
    lab.server.sysctl(ipv4__tcp_early_retrans=0)
    lab.server.start(loads.stream, target, 4000, 0.03, 0)
    lab.client.start(loads.downloads, target, connections)
    impair.background(lab)
    yield [target]
    with impair.delayed(lab, target, [(ms / 5, 1 - share), (ms, share)]):
        yield
        widest = impair.rtt_deviation(lab.server, target)
    return f"rttvar up to {widest:g} ms at the sockets", widest > 0.5
