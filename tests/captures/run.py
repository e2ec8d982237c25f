# SPDX-License-Identifier: Apache-2.0
"""What crosscut counts in captures, beside what others count in them, and in captures written for it. TAP.

    run.py TOTALS [CASE...]

The shared captures (data/pcaps of the directory "shared" beside the checkout, or $CROSSCUT_CAPTURES) come with the
counts of tshark and tcptrace; reference.tsv adds what those leave out. Where crosscut defines a counter
differently, differences.tsv has a row with the reason. A difference without a row fails, and so does a row without one.
"""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import own

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("CROSSCUT_CAPTURES") or HERE.parents[2] / "shared" / "data" / "pcaps")
LIMIT_S = 60
ONE_WINDOW_MS = 30_000
SPLITS_MS = (1_000, 5_000, 30_000)
RTT_LISTED = 20  # streams the shared texts name at most
# Ours, as it is called in the tables of the captures. tt_*: tcptrace; all others: tshark.
NAMES = {"packets": "frames", "tcp_streams": "tcp_connections", "udp_streams": "udp_connections", "synack": "n_syn_acks",
         "rst": "rst", "fin": "fin", "psh": "psh", "ack": "ack", "urg": "urg", "ece": "ece", "cwr": "cwr",
         "retrans_all": "n_wire_retrans", "fast": "n_fast", "spurious": "n_spurious", "ooo": "n_wire_out_of_order",
         "zerowin": "n_zero_windows", "zwprobe": "n_window_probes", "lost_seg": "n_gaps", "keepalive": "n_keepalives",
         "tt_conns": "tcp_connections", "tt_rexmt": "n_retrans", "tt_rexmt_bytes": "retrans_bytes",
         "tt_ooo": "n_out_of_order", "tt_zerowin": "n_zero_windows", "tt_zwprobe": "n_window_probes",
         "tt_unique_bytes": "tcp_new_bytes", "ip_packets": "n_packets", "ip_bytes": "bytes", "dup_acks": "n_dup_acks"}
# What windows do not share: rows and their number, and what is remembered of the gap between two of them.
PER_WINDOW = {"n_rows", "windows", "n_half_open", "n_sampled", "memory_bytes", "n_timed_out", "late", "zero_window_ns"}


class Totals:
    """Runs the counting program; collects what is wrong."""

    def __init__(self, program):
        self.program, self.wrong = program, []

    def call(self, path, *arguments, **how):
        return subprocess.run([self.program, path, *map(str, arguments)], capture_output=True, timeout=LIMIT_S,
                              check=False, **how)

    def count(self, path, *arguments, **how):
        """The counters; {} when there are none, which is noted."""
        done = self.call(path, *arguments, **how)
        if done.returncode:
            self.wrong.append(f"exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
            return {}
        return json.loads(done.stdout)

    def of_bytes(self, data, *arguments, stdin=False):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            file.seek(0)
            return self.count(*("-", *arguments), stdin=file) if stdin else self.count(file.name, *arguments)

    def expect(self, data, expected, what="", stdin=False, **how):
        got = self.of_bytes(data, *how.values(), stdin=stdin)
        self.wrong += [f"{what}: {name} is {got[name]}, not {value}" for name, value in expected.items()
                       if got and got[name] != value]

    def refuse(self, data, words):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            done = self.call(file.name)
        text = done.stderr.decode(errors="replace")
        if done.returncode != 1 or words not in text or text.count("\n") != 1:
            self.wrong.append(f"not refused in one line that says '{words}': {done.returncode} {text}")

    def agree(self, runs):
        """The same sums, whatever the windows. @runs: {name: counters}"""
        (first, expected), *others = runs.items()
        self.wrong += [f"{name}: {counter} is {got[counter]}, with {first} {expected[counter]}" for name, got in others
                       for counter in got if counter not in PER_WINDOW and got[counter] != expected[counter]]

    def invariant(self, data):
        self.agree({f"windows of {ms} ms": self.of_bytes(data, ms) for ms in SPLITS_MS})


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def round_trips(capture):
    """{"rtt.STREAM": text} of the text beside the capture; None when it may not name them all."""
    for line in (SHARED / "ground_truth" / f"{capture}.txt").read_text().splitlines():
        name, _, value = line.partition("\t")
        if name.startswith("initial_rtt_s"):
            pairs = [pair.split(":") for pair in value.split(", ") if pair]
            return {f"rtt.{stream}": seconds for stream, seconds in pairs}
    return {}


def compared(totals, references):
    """{counter: (ours, theirs)} of one capture, as text, all of them."""
    name = references["file"]
    ours = totals.count(SHARED / name, ONE_WINDOW_MS)
    if not ours:
        return {}
    pairs = {theirs: (str(ours[mine]), references[theirs]) for theirs, mine in NAMES.items()}
    pairs["syn"] = (str(ours["syn"] - ours["n_syn_acks"]), references["syn"])
    trips = round_trips(name)
    mine = {f"rtt.{stream}": f"{ns / 1e9:.6f}" for stream, ns in ours["handshakes"].items()}
    known = set(trips) | (set(mine) if len(trips) < RTT_LISTED else set())
    return pairs | {key: (mine.get(key, "none"), trips.get(key, "none")) for key in known}


def against_reference(totals, references, listed):
    """@listed: {counter: row of differences.tsv}"""
    pairs = compared(totals, references)
    different = {counter: pair for counter, pair in pairs.items() if pair[0] != pair[1]}
    for counter, (ours, theirs) in sorted(different.items()):
        row = listed.get(counter)
        if not row or (row["ours"], row["reference"]) != (ours, theirs):
            totals.wrong.append(f"{counter}: {ours}, the reference says {theirs}" + (": not as listed" if row else ""))
    totals.wrong += [f"{counter}: listed as a difference, but it is none" for counter in set(listed) - set(different)]
    totals.agree({f"windows of {ms} ms": totals.count(SHARED / references["file"], ms) for ms in SPLITS_MS})


def cases():
    """{name: function of Totals}"""
    found = dict(own.CASES)
    if not (SHARED / "ground_truth.tsv").exists():
        print("# the shared captures are not here: skipped")
        return found
    listed = {}
    for row in table(HERE / "differences.tsv"):
        listed.setdefault(row["file"], {})[row["counter"]] = row
    more = {row["file"]: row for row in table(HERE / "reference.tsv")}
    for row in table(SHARED / "ground_truth.tsv"):
        name = row["file"]
        found[name] = lambda totals, row=row | more[name], name=name: against_reference(totals, row, listed.get(name, {}))
    return found


def main():
    program, *names = sys.argv[1:]
    failed, todo = 0, {name: run for name, run in cases().items() if not names or name in names}
    print(f"1..{len(todo)}")
    for number, (name, run) in enumerate(todo.items(), 1):
        totals = Totals(os.path.abspath(program))
        run(totals)
        failed += bool(totals.wrong)
        print(f"{'not ok' if totals.wrong else 'ok'} {number} - {name}", flush=True)
        print("".join(f"# {line}\n" for wrong in totals.wrong for line in wrong.splitlines()), end="")
    return int(bool(failed) or not todo)


if __name__ == "__main__":
    sys.exit(main())
