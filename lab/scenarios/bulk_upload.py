# SPDX-License-Identifier: Apache-2.0
"""Healthy: a bulk upload from slow start to full speed."""
import steps

TRUTH = dict(pattern=None, where="-", layer="-", signal="none", app="ok",
             view=["client", "router", "server"], accept=[])


def run(lab):
    total, family = lab.rng.randrange(100 << 20, 200 << 20), lab.rng.choice([4, 6])
    client, flow = steps.uploading(lab, total, 10, family=family)
    return steps.finish(lab, client, flow)
