# SPDX-License-Identifier: Apache-2.0
"""Those who watch requests: `crosscut observe` in its outputs, and tcpdump that writes the same packets."""
import os
import pathlib
import re
from dataclasses import dataclass

from bed import LabError, PORT, tool
from watchers import Nobody, Watcher, Watchers

NOWHERE = pathlib.Path(os.devnull)
FORMATS = {"json": ["-o", "json"], "text": ["-o", "text"], "summary": ["--summary"]}
NO_LIMIT = ["--max-events-per-second", "1000000000"]


@dataclass
class Account:
    """What observe says of itself at its end."""
    events: int
    requests: int
    connections: int
    lost: int  # records, in the ring and in tables
    gaps: int

    @property
    def handled(self):
        """A request and its answer are two events; text tells both in one line."""
        return 2 * self.requests

    @classmethod
    def of(cls, text):
        def number(pattern):
            found = re.search(pattern, text)
            if not found:
                raise LabError(f"observe did not say {pattern}: {text[-400:].strip()}")
            return int(found[1])
        return cls(number(r"events: (\d+) told"), number(r"requests: (\d+) read"), number(r"connections: (\d+) seen"),
                   number(r"(\d+) lost to the ring") + number(r"(\d+) lost to tables"), number(r"(\d+) gaps"))


class Observers(Watchers):
    """How to start them on one bed. Of `crosscut`, only observe."""

    def __init__(self, bed, crosscut):
        super().__init__(bed, crosscut)
        self.start = {"nothing": Nobody, "observe, JSON": self.start_crosscut,
                      "observe, summary": lambda: self.start_observe(FORMATS["summary"]), "tcpdump -w": self.start_tcpdump}

    def start_observe(self, options, out=NOWHERE, cpu=None, netns=None):
        args = [self.crosscut, "observe", "--netns", netns or self.bed.netns, "--stats", *NO_LIMIT, *options]
        return Watcher(self.bed, args, "crosscut: watching", out, cpu)

    def start_crosscut(self, *options):
        return self.start_observe([*FORMATS["json"], *options])

    def start_tcpdump(self):
        """Every packet of the port, in full."""
        args = [tool("tcpdump"), "-Z", "root", "-i", "lo", "-w", str(self.bed.dir / "full.pcap"), f"tcp port {PORT}"]
        return Watcher(self.bed, self.bed.inside(args), "listening on")


def end(watcher):
    """Stop observe; its account."""
    watcher.stop()
    return Account.of(watcher.err.read_text(errors="replace"))
