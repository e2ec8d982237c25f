# SPDX-License-Identifier: Apache-2.0
"""Memory under a storm: many thousand connections that fail at once, far more than the tables hold."""
import json
import subprocess
import sys
import time

from bed import HERE, START_S, LabError, command, pinned, wait_for

CLOSED_PORT, DROPPED_PORT = 9, 7
STORM_S, DRAIN_S = 120, 30
QUIET_S = 0.3  # no new output for this long: drained


class Quiet:
    """Has a file stopped growing?"""

    def __init__(self, path):
        self.path, self.size, self.since = path, -1, 0

    def __call__(self):
        size = self.path.stat().st_size
        if size != self.size:
            self.size, self.since = size, time.monotonic()
        return time.monotonic() - self.since > QUIET_S


def drop_rule(bed):
    command(["ip", "netns", "exec", bed.netns, "nft", "-f", "-"], text=f"""
table ip bench {{
  chain input {{
    type filter hook input priority 0
    tcp dport {DROPPED_PORT} counter drop
  }}
}}
""")


def storm(bed, what, count):
    """Fail `count` connections in the namespace; seconds and results."""
    port = CLOSED_PORT if what == "refused" else DROPPED_PORT
    script = [sys.executable, str(HERE / "failures.py"), what, str(count), str(port)]
    args = bed.inside(pinned(bed.other_cpu(), script))
    done = subprocess.run(args, capture_output=True, text=True, timeout=STORM_S)
    if done.returncode:
        raise LabError(f"failures.py: {done.stderr.strip()}")
    return json.loads(done.stdout)


def count_findings(path):
    """Lines by pattern, and how many connections they are about."""
    patterns = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            pattern = json.loads(line)["pattern_id"]
            patterns[pattern] = patterns.get(pattern, 0) + 1
    return patterns


def stats_lines(text):
    words = ("records:", "kernel:", "cases:", "findings:", "made room", "were lost")
    return [line.removeprefix("crosscut: ") for line in text.splitlines() if any(w in line for w in words)]


def measure(watchers, count):
    """One run of crosscut through both storms: what it held, said and lost."""
    bed, result = watchers.bed, {"attempted": 2 * count}
    drop_rule(bed)
    watcher = watchers.start_crosscut()
    try:
        result["idle_kb"] = watcher.peak_kb()
        for what in ("refused", "dropped"):
            spent, began = watcher.cpu_ns(), time.monotonic()
            told = storm(bed, what, count)
            wait_for(Quiet(watcher.out), DRAIN_S + START_S, "crosscut does not come to rest", pause=0.05)
            result[what] = {**told, "until_quiet_s": time.monotonic() - began - QUIET_S, "peak_kb": watcher.peak_kb(),
                            "memory_kb": watcher.memory_kb(), "cpu_ns": watcher.cpu_ns() - spent}
        result["peak_kb"] = watcher.peak_kb()
        result["exit"] = watcher.stop()
    finally:
        watcher.stop()
    result["findings"] = count_findings(watcher.out)
    result["stats"] = stats_lines(watcher.err.read_text(errors="replace"))
    return result
