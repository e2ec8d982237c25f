# SPDX-License-Identifier: Apache-2.0
"""What a watcher adds to one bare connection, in nanoseconds: the measurement that noise hardly reaches."""
import stats
from bed import command, pinned

BATCHES = 1500


def measure_once(bed, tool, start):
    watcher = start()
    try:
        return int(command(bed.inside(pinned(bed.cpu, [tool, str(BATCHES)]))))
    finally:
        watcher.stop()


def measure(watchers, rounds):
    """{watcher: ns per connection}, medians over rounds in rotating order."""
    tool, names = watchers.bed.built("bare"), list(watchers.start)
    found = {name: [] for name in names}
    for n in range(rounds):
        for name in names[n % len(names):] + names[:n % len(names)]:
            found[name].append(measure_once(watchers.bed, tool, watchers.start[name]))
    return {name: stats.median(values) for name, values in found.items()}
