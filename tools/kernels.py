# SPDX-License-Identifier: Apache-2.0
"""The kernel matrix: crosscut doctor and lab scenarios on Debian's cloud kernels, under qemu.

Prints kernel x scenario and what each kernel lacks. Exit status 1: a bar was missed; 77: cannot run here.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "kernels"))

import debian  # noqa: E402
import machine  # noqa: E402

SKIP = 77
SLOW = 8  # how much longer the lab waits for its own things; what it measures is not scaled
SCENARIOS = ["refused", "drop-forward", "reject-icmp-forward", "absent-host", "no-route", "backlog-syn",
             "unread-close", "udp-unreachable", "server-killed", "chain-policy-drop", "black-hole",
             "tc-ingress-drop"]
SHORT = (["6.1"], ["refused", "drop-forward", "unread-close"])
# A kernel without drop reasons may know less, and must then say that it is not sure.
MAY_DEGRADE = {"5.10"}
UNSURE_BELOW = 0.6  # crosscut itself calls nothing a suspicion below this


def grade(row):
    """right, degraded (not right, and it says that it is unsure), wrong, or failed (no run)."""
    if "problem" in row:
        return "failed"
    if row["right"]:
        return "right"
    unsure = row["confidence"] is None or row["confidence"] < UNSURE_BELOW or row["verdict"] == "unknown"
    return "degraded" if unsure else "wrong"


def lacks(checks):
    """What doctor says is not there or only in part."""
    return [c for c in checks if c["state"] != "ok"]


def misses(name, result):
    """Why a kernel is below its bar; empty: it is not."""
    out = [] if result.get("status") == 0 else [f"doctor ended with {result.get('status')}: {result.get('error')}"]
    bad = {"failed", "wrong"} | (set() if name in MAY_DEGRADE else {"degraded"})
    for row in result["rows"]:
        if grade(row) in bad:
            what = row.get("problem") or f"{row['verdict']}, not {row['expected']}"
            out.append(f"{row['scenario']}: {grade(row)}: {what}")
    if any(grade(r) == "degraded" for r in result["rows"]) and not lacks(result.get("doctor", [])):
        out.append("verdicts degrade and doctor does not say why")
    return out


def run_kernel(name, kernel, options):
    """Boot one kernel and collect its doctor and its scenarios."""
    result = {"release": kernel.release, "rows": []}
    limit = 120 + 60 * len(options.scenarios) if set(options.scenarios) <= set(SCENARIOS) else 3600

    def on_line(line):
        try:
            value = json.loads(line)
        except ValueError:
            print(f"  {line}", file=sys.stderr)  # not ours: what a program wrote beside the rows
            return
        if "scenario" not in value:
            result.update(value)
            return
        result["rows"].append(value)
        print(f"  {name} {value['scenario']}: {grade(value)}", file=sys.stderr, flush=True)
        if options.verbose:
            print(json.dumps(value, indent=1), file=sys.stderr)
    command = ["/usr/bin/python3", ROOT / "tools" / "kernels" / "guest.py", options.crosscut, SLOW, *options.scenarios]
    print(f"kernels: {kernel.release}", file=sys.stderr, flush=True)
    status = machine.run(kernel, command, limit, on_line=on_line)
    if status or "finished" not in result:
        raise machine.CannotBoot(f"{kernel.release}: the guest's run ended with {status}")
    return result


# ---- the table ------------------------------------------------------------------------------------

def cell(row):
    if grade(row) == "failed":
        return "failed"
    sure = f" {row['confidence'] * 100:.0f}%" if row["confidence"] is not None else ""
    said = "" if row["right"] else f" ({row['verdict']})"
    return f"{grade(row)}{sure}{said}"


def table(results):
    """Lines of kernel x scenario: right, degraded or wrong, and the confidence."""
    lines = [["scenario", "expected"] + [r["release"] for r in results.values()]]
    for rows in zip(*[r["rows"] for r in results.values()]):
        lines.append([rows[0]["scenario"], rows[0]["expected"] or "healthy"] + [cell(row) for row in rows])
    totals = ["%d of %d right" % (sum(grade(row) == "right" for row in r["rows"]), len(r["rows"]))
              for r in results.values()]
    lines.append(["", ""] + totals)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines]


def doctor_lines(result):
    """What a kernel lacks, in doctor's words."""
    yield f"{result['release']}: doctor " + ("finds everything" if not lacks(result["doctor"]) else "says")
    for check in lacks(result["doctor"]):
        yield f"  {check['state']:<5}{check['check']:<10}lacks {check['lacks'] or check['text']}"
        yield f"  {'':<15}so: {check['without']}"


def report(results):
    print("\n".join(table(results)), end="\n\n")
    missed = []
    for name, result in results.items():
        print("\n".join(doctor_lines(result)))
        missed += [f"{name}: {m}" for m in misses(name, result)]
    print()
    print("\n".join(missed) if missed else "kernels: every bar is met")
    return 1 if missed else 0


# ---- commands ---------------------------------------------------------------------------------------

def matrix(options):
    kernels = {name: debian.get(name, options.update) for name in options.kernels}
    return report({name: run_kernel(name, kernel, options) for name, kernel in kernels.items()})


def command(options):
    """Any command in one kernel, for a look around."""
    return machine.run(debian.get(options.kernels[0], options.update), options.command, options.seconds)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", dest="kernels", action="append", choices=list(debian.SUITES), help="only this one")
    parser.add_argument("--scenario", dest="scenarios", action="append", metavar="NAME",
                        help="only this one, or a glob as `lab run` takes it")
    parser.add_argument("--short", action="store_true", help=f"{SHORT[0][0]} and {len(SHORT[1])} scenarios")
    parser.add_argument("--update", action="store_true", help="ask the mirror for newer kernels")
    parser.add_argument("--crosscut", default=os.environ.get("CROSSCUT") or
                        str(ROOT / os.environ.get("BUILD", "build") / "crosscut"), metavar="PATH")
    parser.add_argument("--verbose", action="store_true", help="every row as JSON, on stderr")
    parser.add_argument("--seconds", type=int, default=300, help="limit of a single command")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help="run this in the kernel instead")
    options = parser.parse_args()
    options.kernels = options.kernels or (SHORT[0] if options.short else list(debian.SUITES))
    options.scenarios = options.scenarios or (SHORT[1] if options.short else SCENARIOS)
    return options


def main():
    options = parsed()
    if os.geteuid() != 0:
        print("kernels: needs root (the guest's root is this machine's)", file=sys.stderr)
        return SKIP
    if machine.missing_tools():
        subprocess.run([ROOT / "tools" / "deps.sh", "kernels"], check=False)
    try:
        return command(options) if options.command else matrix(options)
    except debian.CannotFetch as error:
        print(f"kernels: {error}", file=sys.stderr)
        return SKIP
    except machine.CannotBoot as error:
        print(f"kernels: {error}", file=sys.stderr)
        return SKIP if machine.missing_tools() else 1


if __name__ == "__main__":
    sys.exit(main())
