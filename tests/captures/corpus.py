# SPDX-License-Identifier: Apache-2.0
"""Write the captures of own.py as samples for the fuzz target: corpus.py DIRECTORY"""
import pathlib
import sys

import own

SAMPLE_MAX = 4096  # what the fuzzer tries


class Keeper:
    """Stands in for run.Totals: keeps what would be counted."""

    def __init__(self, place, name):
        self.place, self.name, self.n = place, name.replace(" ", "-")[:40], 0

    def expect(self, data, *_, **__):
        self.n += 1
        if len(data) <= SAMPLE_MAX:
            (self.place / f"{self.name}-{self.n}").write_bytes(data)

    refuse = invariant = expect


def main():
    for name, case in own.CASES.items():
        case(Keeper(pathlib.Path(sys.argv[1]), name))


if __name__ == "__main__":
    sys.exit(main())
