# SPDX-License-Identifier: Apache-2.0
"""Judging what crosscut said against the truth. Pure: plain data in, plain data out."""
import ipaddress
import math

NOTHING = "nothing"  # the verdict when nothing (or nothing that stands) was said


def same_address(a, b):
    """Equal as addresses, whatever the spelling; an IPv4-mapped IPv6 address is the IPv4 one."""
    try:
        return plain(a) == plain(b)
    except ValueError:
        return False


def plain(text):
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def about(finding, flow):
    """Is the finding about the flow? A finding about a listener may leave the client open."""
    connection = finding.get("connection") or {}
    server, client = connection.get("server") or {}, connection.get("client") or {}
    if (connection.get("protocol") or "").lower() != flow["proto"] or server.get("port") != flow["port"]:
        return False
    listener = server.get("ip") or "::"  # a listener as a whole is named as it is bound: often 0.0.0.0 or ::
    if not ipaddress.ip_address(listener).is_unspecified and not same_address(listener, flow["server"]):
        return False
    who = client.get("ip")
    return flow["client"] is None or not who or ipaddress.ip_address(who).is_unspecified \
        or same_address(who, flow["client"])


def standing(findings):
    """The findings that were not taken back: neither 'cleared' nor the one a 'cleared' names."""
    gone = {f.get("id") for f in findings if f.get("status") == "cleared"}
    gone |= {f.get("replaces") for f in findings if f.get("status") == "cleared"}
    return [f for f in findings if f.get("status") != "cleared" and f.get("id") not in gone]


def verdict(findings):
    """Pattern id of the last finding that stands."""
    left = standing(findings)
    return left[-1].get("pattern_id", "?") if left else NOTHING


def expected(truth):
    return [truth["pattern"] or NOTHING] + list(truth["accept"])


def reproduced(truth, app):
    """Did the application see what the scenario promises? Otherwise the run says nothing."""
    return all(a["result"] in truth["app"].split("|") for a in app)


def judge(truth, flows, app, findings):
    """One run: verdict, right or wrong, times in ms."""
    healthy = truth["pattern"] is None
    hits = findings if healthy else [f for f in findings if any(about(f, w) for w in flows)]
    said = verdict(hits)
    run = {"expected": truth["pattern"] or NOTHING, "verdict": said, "right": said in expected(truth),
           "reproduced": reproduced(truth, app), "signal_to_finding_ms": None, "saved_ms": None}
    first = next((f for f in hits if f.get("pattern_id") in expected(truth)), None)
    if first:
        if first.get("first_signal_ns"):
            run["signal_to_finding_ms"] = round((first["arrival_ns"] - first["first_signal_ns"]) / 1e6, 3)
        failed = [a["at_ns"] for a in app if a["result"] != "ok"]
        if failed:
            run["saved_ms"] = round((failed[0] - first["arrival_ns"]) / 1e6, 1)
    if healthy:
        run["false"] = false_by_severity(findings)
    return run


def false_by_severity(findings):
    """Everything said about a healthy run counts, also what was taken back later."""
    counts = {}
    for finding in findings:
        if finding.get("status") != "cleared":
            level = finding.get("severity", "?")
            counts[level] = counts.get(level, 0) + 1
    return counts


def wilson(right, total, z=1.96):
    """The 95 % Wilson interval of a proportion: (low, high), both 0..1."""
    if not total:
        return 0.0, 1.0
    p = right / total
    middle = p + z * z / (2 * total)
    spread = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def percentile(values, percent):
    """Nearest rank; None without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else None
