# SPDX-License-Identifier: Apache-2.0
"""Rows of crosscut features against the truth. Pure: plain data in, plain data out.

A row is a dict of texts by column name.
"""
import csv

import judge

PROTOCOLS = {"tcp": 6, "udp": 17}
LABELS = ["normal", "CPU throttling", "packet loss", "latency jitter", "SYN flood", "memory pressure",
          "disk saturation", "backlog overflow", "zero window", "connection churn", "DNS failure", "HTTP error"]
DISK_LABEL = 6
DISK_BUSY = 8        # requests in the queue, by the lab's own reading: near enough to the rule's 10
BAR_FIRES, BAR_OTHER, BAR_HEALTHY = 0.90, 0.05, 0.01


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def is_target(row, targets):
    """Does the row belong to one of the targets (server, port, protocol)?"""
    return any(judge.same_address(row["dst_ip"], ip) and int(row["dst_port"]) == port
                   and int(row["protocol"]) == PROTOCOLS[proto] for ip, port, proto in targets)


def phase(row, run):
    """'before' the fault, 'during' it, or None: the window holds an edge, or the fault's after-effects."""
    start_ns = int(row["timestamp"]) * 10**9
    end_ns = start_ns + run["window_s"] * 10**9
    if end_ns <= run["begin_ns"]:
        return "before"
    return "during" if run["acts_ns"] <= start_ns and end_ns <= run["over_ns"] else None


def is_disturbed(row, run):
    """Did somebody else keep a disk busy in the row's window?"""
    depth = run["disk_depths"].get(int(row["timestamp"]), 0)
    return run["truth"]["label"] != DISK_LABEL and depth > DISK_BUSY


def true_label(row, run):
    """The label the row deserves, or None when that is not clear-cut: at the fault's edges, for bystanders on a
    host that suffers as a whole, and while somebody else disturbs it."""
    label, when = run["truth"]["label"], phase(row, run)
    if is_disturbed(row, run):
        return None
    if label == 0 or when == "before":
        return 0
    if when == "during" and is_target(row, run["targets"]):
        return label
    return 0 if when == "during" and run["truth"]["where"] != "node" else None


def fired(row):
    """The rules that fired in this row, as a set of labels."""
    bits = int(row["fault_bits"] or 0)
    return {label for label in range(1, len(LABELS)) if bits >> label & 1}


def shares(run):
    """How many rows the fault's target has, and in how many its own rule and any other fired."""
    own = run["truth"]["label"]
    acted = [row for row in run["rows"] if phase(row, run) == "during"]
    hit = [fired(row) for row in acted if true_label(row, run) == own]
    return {"rows": len(hit), "disturbed": sum(is_disturbed(row, run) for row in acted),
            "fires": sum(own in bits for bits in hit), "other": sum(bool(bits - {own}) for bits in hit),
            "others": sorted({bit for bits in hit for bit in bits - {own}})}


def is_right(run):
    """Do the shares of one run meet the bars?"""
    got, own = run["shares"], run["truth"]["label"]
    if not got["rows"]:
        return False
    if own == 0:
        return got["other"] <= BAR_HEALTHY * got["rows"]
    fires = got["fires"] >= BAR_FIRES * got["rows"]
    return fires and got["other"] <= BAR_OTHER * got["rows"]
