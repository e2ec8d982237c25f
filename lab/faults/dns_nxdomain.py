# SPDX-License-Identifier: Apache-2.0
"""Clients ask for names that do not exist."""
import impair
import loads

TRUTH = dict(label=10, where="server", signal="dns_response_code == 3", view=["client"],
             levels={"light": {"per_second": 10}, "heavy": {"per_second": 40}})


def run(lab, per_second=20):
    target = lab.flow(proto="udp", port=53)
    lab.server.start(loads.dns, target)
    client = lab.client.start(loads.questions, target, per_second, "www.lab.example")
    impair.background(lab)
    yield [target]
    client.stop()
    told = impair.counted(lab.client, "Udp", "InDatagrams", "answers")
    lab.client.start(loads.questions, target, per_second, "no-such-name.lab.example")
    yield
    return told()
