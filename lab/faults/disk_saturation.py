# SPDX-License-Identifier: Apache-2.0
"""Many readers past the page cache keep the disk's queue full."""
import impair
import loads

TRUTH = dict(label=6, where="node", signal="disk_queue_depth > 10", view=["server"],
             levels={"light": {"readers": 20}, "heavy": {"readers": 48}}, alone=True)


def run(lab, readers=32, connections=12):
    target = lab.flow()
    lab.server.start(loads.stream, target, 8000, 0.05, 0.0005)
    lab.client.start(loads.downloads, target, connections)
    yield [target]
    place = impair.disk_directory(lab)
    told = impair.witness(lambda: impair.queue_ms(place), "ms of requests in the disk's queue")
    hog = lab.server.start(loads.read_disk, place / "hog", readers)
    yield
    hog.stop()
    return told()
