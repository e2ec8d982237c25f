# SPDX-License-Identifier: Apache-2.0
"""Healthy: a small MTU on the way, and path MTU discovery that works."""
import steps

TRUTH = dict(pattern=None, where="-", layer="-",
             signal="icmp_send 3/4 and PKT_TOO_BIG, then recovery", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    lab.router.sh(f"ip link set lan1 mtu {lab.rng.randrange(1280, 1400)}")
    client, flow = steps.uploading(lab, lab.rng.randrange(20000, 60000), 5)
    return steps.finish(lab, client, flow)
