# SPDX-License-Identifier: Apache-2.0
"""How often the rules of crosscut features are right: each fault at each level, judged by its target's rows."""
import random
import sys

import features
import rows
import scenes
import watch
from topology import LabError


def jobs(options):
    """(scenario, plan) of every run, in random order."""
    found = [(name, features.Plan(level, (), options.window, options.duration, seed=f"{options.seed}.{number}"))
             for label in options.label or range(len(rows.LABELS)) for name in scenes.labelled(label)
             for level in features.levels(scenes.load(name)) for number in range(options.n)]
    random.Random(options.seed).shuffle(found)
    return found


def collect(options, crosscut):
    """(the runs, what went wrong with others), with a line of progress each on stderr."""
    runs, failed, todo = [], [], jobs(options)
    for number, (name, plan) in enumerate(todo, 1):
        title = f"{name}, {plan.level}"
        try:
            run = features.run_once(name, scenes.load(name), plan, crosscut)
        except LabError as error:
            failed.append(f"{title}: {error}")
            text = f"LAB FAILED: {error}"
        else:
            del run["rows"]
            runs.append(run)
            text = f"{run['shares']}" + ("" if run["reproduced"] else "  NOT REPRODUCED")
            if not run["reproduced"]:
                failed.append(f"{title}: {run['proof']}")
        print(f"[{number}/{len(todo)}] {title} (seed {plan.seed}): {text}", file=sys.stderr, flush=True)
    return [run for run in runs if run["reproduced"]], failed


def total(runs):
    """The shares of several runs, added up."""
    got = {key: sum(run["shares"][key] for run in runs) for key in ("rows", "fires", "other", "disturbed")}
    got["others"] = sorted({n for run in runs for n in run["shares"]["others"]})
    return got


def verdict(label, got):
    """What the bars say: 'met', 'MISSED', or why nothing can be said."""
    if not got["rows"]:
        return "MISSED: no rows"
    bar = rows.BAR_OTHER if label else rows.BAR_HEALTHY
    if got["other"] > bar * got["rows"]:
        return "MISSED: other rules"
    return "met" if not label or got["fires"] >= rows.BAR_FIRES * got["rows"] else "MISSED: its rule"


def table(runs):
    """The lines of the table, and the labels that missed a bar."""
    lines, missed = [], []
    for label in sorted({run["truth"]["label"] for run in runs}):
        chosen = [run for run in runs if run["truth"]["label"] == label]
        got = total(chosen)
        said = verdict(label, got)
        if said.startswith("MISSED"):
            missed.append(rows.LABELS[label])
        own = f"{rows.percent(got['fires'], got['rows']):>9}" if label else f"{'':>9}"
        lines.append(f"{label:>2}  {rows.LABELS[label]:<19}{len(chosen):>4}{got['rows']:>8}{own}"
                     f"{rows.percent(got['other'], got['rows']):>9}   {said:<20}"
                     + ", ".join(rows.LABELS[n] for n in got["others"]))
    return lines, missed


def report(runs, failed):
    """Print everything; is every bar met?"""
    print(f"{'fault':<23}{'runs':>4}{'rows':>8}{'its rule':>9}{'others':>9}   bar")
    lines, missed = table(runs)
    print("\n".join(lines))
    print(f"\nbars: its rule in >= {rows.BAR_FIRES:.0%} of the rows of the fault's target, another one in <= "
          f"{rows.BAR_OTHER:.0%}; any rule in <= {rows.BAR_HEALTHY:.0%} of healthy rows")
    left_out = total(runs)["disturbed"]
    if left_out:
        print(f"left out: {left_out} rows of windows in which something else on this machine kept a disk busy")
    for text in failed:
        print(f"says nothing: {text}")
    print("all bars met" if not missed and not failed else f"MISSED: {', '.join(missed) or 'runs without a result'}")
    return not missed and not failed


def cmd_rules(options):
    return 0 if report(*collect(options, watch.binary(options.crosscut))) else 1


def add_parser(commands):
    one = commands.add_parser("rules", help="how often the fault rules of crosscut features are right")
    one.add_argument("-n", type=int, default=1, metavar="N", help="runs of each fault at each level")
    one.add_argument("--label", type=int, action="append", choices=range(len(rows.LABELS)), metavar="N",
                     help="only this one; repeatable")
    features.add_times(one, window_s=1, duration_s=10)
    one.add_argument("--seed", default="1")
    one.add_argument("--crosscut", metavar="PATH")
    one.set_defaults(run=cmd_rules)
