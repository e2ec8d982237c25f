# SPDX-License-Identifier: Apache-2.0
"""The queues of this machine's disks, window by window, as the lab itself sees them.

Whatever else the machine does may fill a disk's queue: then a row that says so is right, though no scenario did it.
"""
import pathlib
import threading
import time

IO_MS = 10  # field of /proc/diskstats behind the name: milliseconds of all requests together


def queued_ms():
    """(major, minor) of each block device -> milliseconds requests have waited or been served since boot."""
    lines = pathlib.Path("/proc/diskstats").read_text(encoding="ascii").splitlines()
    return {(int(f[0]), int(f[1])): int(f[3 + IO_MS]) for f in map(str.split, lines)}


class Watch:
    """Use as a context manager: `depths` grows by {start of the window, s: longest mean queue of a disk}."""

    def __init__(self, window_s):
        self.window_s, self.depths, self.over = window_s, {}, threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.over.set()
        self.thread.join()

    def read(self):
        """Once at every window's end, until told to stop."""
        before, since = queued_ms(), time.time()
        while not self.over.wait(self.window_s - time.time() % self.window_s):
            after, now = queued_ms(), time.time()
            queues = [(after[disk] - before.get(disk, 0)) / 1000 / (now - since) for disk in after]
            self.depths[int(now // self.window_s - 1) * self.window_s] = max(queues, default=0.0)
            before, since = after, now
