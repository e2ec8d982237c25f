# SPDX-License-Identifier: Apache-2.0
"""The laboratory's command line: faults in network namespaces, each with its ground truth.

Importable as a module: names(), load(), run_once().
"""
import argparse
import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import time
from dataclasses import asdict

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # the scenario files import their helpers by plain name

import dataset  # noqa: E402
import features  # noqa: E402
import judge  # noqa: E402
import rows  # noqa: E402
import ruletable  # noqa: E402
import topology  # noqa: E402
import watch  # noqa: E402
from scenes import FAMILIES, is_fault, load, names, select  # noqa: E402
from topology import LabError  # noqa: E402

TRUTH_KEYS = {"pattern", "where", "layer", "signal", "app", "view", "accept"}
SETTLE_S = 0.4  # how long crosscut may still speak after the application is done


class ShellDone(Exception):
    """The user left the shell: unwind the scenario."""


def watcher_args(crosscut, output, lab, truth, view):
    return [crosscut, "why", "-o", output, *truth.get("options", []), *watch.netns_options(lab, view)]


@contextlib.contextmanager
def watched(lab, args, late=False):
    """Start crosscut with `args` and have it watching before the fault, or `late`: before the trigger."""
    watcher = watch.Watcher(args(lab)) if args and not late else None
    box = [watcher]
    try:
        lab.links_up()
        if watcher:
            watcher.wait()
        elif args:
            def start_late():
                box[0] = watch.Watcher(args(lab))
                box[0].wait()
            lab.before_trigger = start_late
        yield box
    finally:
        if box[0]:
            box[0].stop()


def run_once(name, crosscut=None, seed=None, view=None, late=False, output="json"):
    """Run one scenario once; a dict with all that is known about it. crosscut None: without it."""
    scenario = load(name)
    truth, seed = scenario.TRUTH, seed or secrets.token_hex(4)
    view = view or truth["view"]
    args = crosscut and (lambda lab: watcher_args(crosscut, output, lab, truth, view))
    with topology.make(name, truth, seed) as lab, watched(lab, args, late) as box:
        app, flows = scenario.run(lab)
        if crosscut:
            time.sleep(SETTLE_S * topology.slow)
            box[0].stop()
        trigger_ns = lab.trigger_ns
    app = app if isinstance(app, list) else [app]
    run = {"scenario": name, "seed": seed, "text": scenario.__doc__, "truth": truth, "view": view,
           "app": app, "flows": [asdict(f) for f in flows], "trigger_ns": trigger_ns}
    if crosscut and output == "json":
        run["findings"] = box[0].findings()
        run.update(judge.judge(truth, run["flows"], app, run["findings"]))
    else:
        run["reproduced"] = judge.reproduced(truth, app)
    if crosscut:
        run["crosscut_exit"], run["crosscut_stderr"] = box[0].process.returncode, box[0].stderr()
        run["crosscut_text"] = box[0].stdout() if output == "text" else None
    return run


# ---- for people ---------------------------------------------------------------------------------

def app_line(app):
    extra = "".join(f", {k} {v}" for k, v in app.items()
                    if k not in ("result", "phase", "at_ns", "after_ms"))
    return f"{app['result']} in '{app['phase']}' after {app['after_ms']} ms{extra}" \
        if "phase" in app else f"{app['result']}{extra}"


def finding_lines(finding, trigger_ns):
    at_ms = (finding["arrival_ns"] - trigger_ns) / 1e6
    yield (f"+{at_ms:.1f} ms {finding.get('severity', '?')} {finding.get('pattern_id', '?')} "
           f"({finding.get('status', '?')}, {finding.get('confidence', '?')})")
    yield f"  {finding.get('summary', '')}"
    for evidence in finding.get("evidence") or []:
        yield f"    - {evidence}"
    if finding.get("resolution"):
        yield f"  fix: {finding['resolution']}"


def print_run(run, out=sys.stdout):
    """What happened, what the application saw, what crosscut said, whether that is right."""
    def row(head, text):
        print(f"{head:<10}{text}", file=out)
    row("scenario", f"{run['scenario']}  (seed {run['seed']})")
    row("", run["text"])
    truth = run["truth"]
    row("truth", f"{truth['pattern'] or 'healthy'} at {truth['where']}: {truth['signal']}")
    for app in run["app"]:
        row("app", app_line(app) + ("" if run["reproduced"] else f"   NOT as promised ({truth['app']})"))
    if "verdict" not in run:
        return
    for finding in run["findings"]:
        for number, line in enumerate(finding_lines(finding, run["trigger_ns"])):
            row("" if number else "crosscut", line)
    if not run["findings"]:
        row("crosscut", "said nothing")
    row("verdict", f"{run['verdict']}: " + ("right" if run["right"] else f"WRONG, it is {run['expected']}"))


# ---- commands -----------------------------------------------------------------------------------

def kind(truth):
    """What a scenario is about, in a word or two."""
    return f"label {truth['label']:<2} {rows.LABELS[truth['label']]}" if "label" in truth else \
        truth["pattern"] or "healthy"


def cmd_list(options):
    for name in [n for family in FAMILIES for n in names(family)]:
        scenario = load(name)
        if options.output == "json":
            print(json.dumps({"name": name, "text": scenario.__doc__, "truth": scenario.TRUTH}))
        else:
            print(f"{name:<26}{kind(scenario.TRUTH):<27}{scenario.__doc__}")
    return 0


def run_any(name, crosscut, options):
    """One run of a scenario of either family, and the function that prints it."""
    if not is_fault(name):
        view = options.view.split(",") if options.view else None
        return run_once(name, crosscut, options.seed, view, options.late), print_run
    plan = features.Plan(options.level, options.set, options.window, options.duration, seed=options.seed)
    return features.run_once(name, load(name), plan, crosscut), features.print_run


def cmd_run(options):
    crosscut = None if options.no_crosscut else watch.binary(options.crosscut)
    topology.slow = options.slow
    wrong = 0
    for number, name in enumerate(select(options.names, FAMILIES)):
        run, show = run_any(name, crosscut, options)
        wrong += not run["reproduced"] or not run.get("right", True)
        if options.output == "json":
            print(json.dumps({key: value for key, value in run.items() if key != "rows"}), flush=True)
            continue
        if number:
            print()
        show(run)
        sys.stdout.flush()
    return 1 if wrong else 0


def explained(name):
    """A scenario of scenarios/: those have one moment at which the fault hits the application."""
    if is_fault(name):
        raise LabError(f"'{name}' goes on for a while instead of failing once: use `lab run`")
    return load(name)


def cmd_shell(options):
    scenario = explained(options.name)

    def enter(lab):
        env = dict(os.environ, XC_CLIENT=lab.client.ip, XC_SERVER=lab.server.ip, XC_SERVER6=lab.server.ip6,
                   XC_NETNS=" ".join(r.netns for r in lab.roles))
        print(f"{scenario.__doc__}\nThe fault is active. This shell is in the client's namespace; server "
              f"{lab.server.ip} / {lab.server.ip6}.\nListening there: {listeners(lab)}\n"
              f"Watch it from another terminal: crosscut why --netns "
              f"{' --netns '.join(r.netns for r in lab.roles)}\nLeave with `exit`.", flush=True)
        with lab.client.entered():
            subprocess.run([os.environ.get("SHELL", "/bin/sh"), "-i"], env=env, check=False)
        raise ShellDone
    with topology.make(options.name, scenario.TRUTH, secrets.token_hex(4), lifetime_s=86400) as lab:
        lab.links_up()
        lab.before_trigger = lambda: enter(lab)
        with contextlib.suppress(ShellDone):
            scenario.run(lab)
    return 0


def listeners(lab):
    rows = lab.server.sh("ss -Hlntu").splitlines()
    return ", ".join(sorted({f"{r.split()[0]} {r.split()[4]}" for r in rows})) or "nothing"


def cmd_record(options):
    """A recording of one run, for replay without root."""
    scenario = explained(options.name)
    crosscut = watch.binary(options.crosscut)
    with topology.make(options.name, scenario.TRUTH, options.seed or "recording") as lab:
        def args(lab):
            return [crosscut, "record", "--output", options.file,
                    *watch.netns_options(lab, scenario.TRUTH["view"])]
        with watched(lab, args) as box:
            app, _ = scenario.run(lab)
            time.sleep(SETTLE_S)
            box[0].stop()
    apps = app if isinstance(app, list) else [app]
    print(f"{options.file}: {options.name}, the application saw {'; '.join(map(app_line, apps))}")
    return 0 if box[0].process.returncode == 0 and judge.reproduced(scenario.TRUTH, apps) else 1


def cmd_clean(_options):
    for name in topology.clean():
        print(f"removed {name}")
    return 0


def parser():
    top = argparse.ArgumentParser(prog="lab", description="Network faults with known causes, in namespaces.")
    commands = top.add_subparsers(dest="command", required=True)
    one = commands.add_parser("list", help="every scenario and its truth")
    one.add_argument("-o", "--output", choices=["text", "json"], default="text")
    one.set_defaults(run=cmd_list)
    one = commands.add_parser("run", help="run scenarios and compare what crosscut says with the truth")
    one.add_argument("names", nargs="+", metavar="NAME", help="a scenario or a glob such as 'drop-*'")
    one.add_argument("--crosscut", metavar="PATH")
    one.add_argument("--no-crosscut", action="store_true", help="only the fault and the application")
    one.add_argument("--view", help="roles whose namespaces are watched, e.g. client,server")
    one.add_argument("--late", action="store_true", help="start crosscut when the fault is already there")
    one.add_argument("--seed", help="repeat a run's random choices")
    one.add_argument("--slow", metavar="N", type=float, default=1.0,
                     help="the machine is N times slower than usual: be as much more patient")
    one.add_argument("-o", "--output", choices=["text", "json"], default="text")
    more = one.add_argument_group("scenarios with a label")
    more.add_argument("--level", default="medium", help="intensity: medium, or one the scenario has besides")
    more.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the scenario")
    features.add_times(more, window_s=1, duration_s=10)
    one.set_defaults(run=cmd_run)
    one = commands.add_parser("shell", help="a shell in the client's namespace, with the fault active")
    one.add_argument("name", metavar="NAME")
    one.set_defaults(run=cmd_shell)
    one = commands.add_parser("record", help="record one run to a file")
    one.add_argument("name", metavar="NAME")
    one.add_argument("file", metavar="FILE")
    one.add_argument("--crosscut", metavar="PATH")
    one.add_argument("--seed")
    one.set_defaults(run=cmd_record)
    dataset.add_parser(commands)
    ruletable.add_parser(commands)
    one = commands.add_parser("clean", help="remove what killed runs left behind")
    one.set_defaults(run=cmd_clean)
    return top


def main(args=None):
    options = parser().parse_args(args)
    if options.command != "list" and os.geteuid() != 0:
        print("lab: this needs root (network namespaces)", file=sys.stderr)
        return 3
    try:
        return options.run(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(main())
