# SPDX-License-Identifier: Apache-2.0
"""One run of a scenario of faults/ under `crosscut features`: healthy windows, windows with the fault, its end.

A scenario's run(lab, **settings) is a generator: it yields its target, the flows to servers the fault hits, once
traffic flows and nothing is wrong; yields again once the fault acts; then takes the fault away and returns what
the kernel's own counters say: (text, did the fault act).
"""
import contextlib
import inspect
import os
import pathlib
import secrets
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass

import disks
import rows
import topology
import watch
from topology import LabError

LEAD_WINDOWS = 5    # healthy ones first: the jitter rule learns what is usual
EDGE_S = 0.1        # the fault begins this long before a window does, and ends this long after one
LIFETIME_S = 90     # of the lab, beyond the time asked for


@dataclass
class Plan:
    """How to run a scenario."""
    level: str = "medium"
    given: tuple = ()           # KEY=VALUE texts
    window_s: int = 1
    duration_s: int = 10        # of the fault
    columns: str = "extended"
    seed: str = ""              # "": a random one
    keep: pathlib.Path = None   # where the files that crosscut wrote go, without their suffixes


def levels(scenario):
    """The scenario's intensities: name -> what differs from the defaults of run()."""
    return {"medium": {}, **scenario.TRUTH["levels"]}


def settings(scenario, level="medium", given=()):
    """The keyword arguments of the scenario's run(): its defaults, what the level changes, KEY=VALUE texts."""
    known = {name: p.default for name, p in inspect.signature(scenario.run).parameters.items()
             if p.default is not p.empty}
    if level not in levels(scenario):
        raise LabError(f"no level '{level}'; there are {', '.join(levels(scenario))}")
    chosen = known | levels(scenario)[level]
    for text in given:
        key, _, value = text.partition("=")
        if key not in known:
            raise LabError(f"no setting '{key}'; there are {', '.join(known)}")
        try:
            chosen[key] = type(known[key])(value)
        except ValueError as error:
            raise LabError(f"{text}: {error}") from error
    return chosen


def sleep_to_window(window_s, count):
    """Until shortly before the window `count` windows on from this one begins."""
    start = (int(time.time() / window_s) + count) * window_s
    time.sleep(max(0.0, start - EDGE_S - time.time()))


def finish(steps):
    """Let the scenario take its fault away; what it returns."""
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    raise LabError("the scenario did not end")


def phases(lab, scenario, chosen, plan, lead):
    """Traffic for `lead` windows, fault, end; what is known about it afterwards."""
    with contextlib.closing(scenario.run(lab, **chosen)) as steps:
        targets = next(steps)
        sleep_to_window(plan.window_s, lead + 1)
        begin_ns = time.time_ns()
        next(steps)
        acts_ns = time.time_ns()
        sleep_to_window(plan.window_s, 1)
        time.sleep(EDGE_S + plan.duration_s + EDGE_S)
        over_ns = time.time_ns()
        proof, acted = finish(steps)
        time.sleep(plan.window_s)
    return {"begin_ns": begin_ns, "acts_ns": acts_ns, "over_ns": over_ns, "proof": proof, "reproduced": acted,
            "targets": [(flow.server, flow.port, flow.proto) for flow in targets]}


def crosscut_args(crosscut, lab, truth, plan):
    return [os.path.abspath(crosscut), "features", "all", "--duration", "0", "--window", str(plan.window_s),
            "--output-interval", "1", "--label", str(truth["label"]), "--columns", plan.columns,
            *watch.netns_options(lab, truth["view"])]


@contextlib.contextmanager
def exporting(lab, args, place):
    """crosscut features at work in the directory `place`; None without `args`."""
    watcher = watch.Watcher(args, cwd=place) if args else None
    try:
        lab.links_up()
        if watcher:
            watcher.wait()
        yield watcher
    finally:
        if watcher:
            watcher.stop()


def written(watcher, place, keep):
    """The rows crosscut wrote; its files are kept as `keep`.csv and `keep`.csv.schema.json."""
    files = sorted(pathlib.Path(place).glob("*.csv*"))
    if watcher.process.returncode or not files:
        raise LabError(f"crosscut features ended with {watcher.process.returncode}: {watcher.stderr()}")
    for file in files if keep else []:
        shutil.copy(file, f"{keep}{file.name[file.name.index('.csv'):]}")
    return rows.read(files[0])


def run_once(name, scenario, plan, crosscut=None):
    """Run the scenario once; a dict with all that is known about it, and its rows."""
    truth, chosen = scenario.TRUTH, settings(scenario, plan.level, plan.given)
    plan.duration_s = chosen.get(truth.get("lasts"), plan.duration_s)
    plan.window_s = truth.get("window_s", plan.window_s)
    plan.seed = plan.seed or secrets.token_hex(4)
    lifetime_s = LIFETIME_S + plan.duration_s + (LEAD_WINDOWS + 4) * plan.window_s
    with tempfile.TemporaryDirectory(prefix="xc-features-") as place:
        with topology.make(name, truth, plan.seed, lifetime_s=lifetime_s) as lab:
            args = crosscut and crosscut_args(crosscut, lab, truth, plan)
            with exporting(lab, args, place) as watcher, disks.Watch(plan.window_s) as disk:
                run = phases(lab, scenario, chosen, plan, LEAD_WINDOWS if crosscut else 0)
        if watcher:
            run["rows"] = written(watcher, place, plan.keep)
            run["n_rows"], run["said"] = len(run["rows"]), watcher.stderr()
    run.update(scenario=name, text=scenario.__doc__, truth=truth, level=plan.level, settings=chosen,
               seed=plan.seed, window_s=plan.window_s, disk_depths=disk.depths)
    if watcher and plan.columns == "extended":
        run["shares"] = rows.shares(run)
        run["right"] = rows.is_right(run)
    return run


def add_times(parser, window_s, duration_s):
    parser.add_argument("--window", type=int, default=window_s, metavar="S", help="of crosscut features, seconds")
    parser.add_argument("--duration", type=int, default=duration_s, metavar="S", help="how long the fault acts")


# ---- for people ---------------------------------------------------------------------------------

def told(run):
    """A line or more about the run: (head, text)."""
    own, truth = run["truth"]["label"], run["truth"]
    yield "scenario", f"{run['scenario']}, {run['level']}  (seed {run['seed']})"
    yield "", run["text"]
    yield "settings", ", ".join(f"{key}={value}" for key, value in run["settings"].items())
    yield "truth", f"label {own}, {rows.LABELS[own]}, at {truth['where']}: {truth['signal']}"
    yield "kernel", run["proof"] + ("" if run["reproduced"] else "   NOT as promised")
    if "shares" not in run:
        return
    got = run["shares"]
    yield "crosscut", f"{run['n_rows']} rows, {got['rows']} of the target while the fault acted"
    if own:
        yield "", f"{rows.percent(got['fires'], got['rows'])} with its rule"
    yield "", f"{rows.percent(got['other'], got['rows'])} with {'another' if own else 'any'} rule" + (
        f": {', '.join(rows.LABELS[n] for n in got['others'])}" if got["others"] else "")
    yield "verdict", "right" if run["right"] else "WRONG"


def print_run(run, out=sys.stdout):
    for head, text in told(run):
        print(f"{head:<10}{text}", file=out)
