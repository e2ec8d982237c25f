# SPDX-License-Identifier: Apache-2.0
"""How often crosscut is right: every scenario N times in random order, judged by the scenarios' truth.

Each run is a process of its own (`lab.py run NAME -o json`), with its own namespaces and a fresh crosscut.
"""
import argparse
import collections
import concurrent.futures
import json
import random
import subprocess
import sys

import judge
import lab
import topology
import watch
from topology import LabError

BAR_OVERALL, BAR_CLASS, BAR_P95_MS = 0.95, 0.80, 100.0
BAR_SPOILED = 0.01  # runs in which the lab failed or the fault did not reproduce
RUN_LIMIT_S = 90


def finish(process):
    """Its output; a run that does not end is asked to (it then cleans up), and killed only at last."""
    try:
        return process.communicate(timeout=RUN_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.terminate()
    try:
        process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        topology.clean()
    return "", f"no end after {RUN_LIMIT_S} s"


def one_run(name, seed, options):
    """One run in a process of its own; its dict, or {"scenario", "failed": why}."""
    command = [sys.executable, str(lab.HERE / "lab.py"), "run", name, "-o", "json", "--seed", seed,
               "--crosscut", options.crosscut] + (["--late"] if options.late else [])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, errors = finish(process)
    try:
        return json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        why = errors.strip()[-500:] or f"exit {process.returncode}"
    return {"scenario": name, "seed": seed, "failed": why}


def schedule(jobs, workers, work, alone):
    """Do the jobs in order, `workers` at a time, those in `alone` by themselves. Yields the results."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        pending = set()
        for job in jobs:
            room = 0 if job[0] in alone else workers - 1
            while len(pending) > room:
                done, pending = concurrent.futures.wait(
                    pending, return_when=concurrent.futures.FIRST_COMPLETED)
                yield from (future.result() for future in done)
            if room == 0 and job[0] in alone:
                yield work(*job)
            else:
                pending.add(pool.submit(work, *job))
        for future in concurrent.futures.as_completed(pending):
            yield future.result()


def collect(chosen, options):
    """All runs, with a line of progress each on stderr."""
    jobs = [(name, f"{options.seed}.{i}") for name in chosen for i in range(options.n)]
    random.Random(options.seed).shuffle(jobs)
    alone = {name for name in chosen if lab.load(name).TRUTH.get("alone")}
    runs = []
    for run in schedule(jobs, options.jobs, lambda *job: one_run(*job, options), alone):
        runs.append(run)
        print(f"[{len(runs)}/{len(jobs)}] {progress(run)}", file=sys.stderr)
    return runs


def progress(run):
    if "failed" in run:
        return f"{run['scenario']}: LAB FAILED (seed {run['seed']}): {run['failed'].splitlines()[-1]}"
    if not run["reproduced"]:
        return f"{run['scenario']}: not reproduced (seed {run['seed']}): {run['app'][0]['result']}"
    mark = "ok" if run["right"] else f"WRONG (seed {run['seed']}), expected {run['expected']}"
    return f"{run['scenario']}: {run['verdict']} {mark}"


# ---- report -------------------------------------------------------------------------------------

def rate(runs):
    """'right/all  percent  [95 % interval]'."""
    right, total = sum(r["right"] for r in runs), len(runs)
    low, high = judge.wilson(right, total)
    return f"{right:5}/{total:<5}{100 * right / max(1, total):6.1f} %   [{100 * low:.1f}, {100 * high:.1f}]"


def times(title, values):
    if not values:
        return f"{title}: no values"
    p = [judge.percentile(values, q) for q in (50, 95, 100)]
    return f"{title}: p50 {p[0]:.1f} ms, p95 {p[1]:.1f} ms, max {p[2]:.1f} ms ({len(values)} runs)"


def confusion(runs):
    """Rows: the truth; columns: what was said, as NAME xN, most frequent first."""
    cells = collections.defaultdict(collections.Counter)
    for run in runs:
        cells[run["expected"]][run["verdict"]] += 1
    yield f"{'truth':<24}{'runs':>5}{'right':>7}  said instead"
    for truth in sorted(cells):
        row = cells[truth]
        right = sum(1 for r in runs if r["expected"] == truth and r["right"])
        accepted = {r["verdict"] for r in runs if r["expected"] == truth and r["right"]}
        wrong = [f"{said} x{n}" for said, n in row.most_common() if said not in accepted]
        title = "healthy" if truth == judge.NOTHING else truth
        yield f"{title:<24}{sum(row.values()):>5}{right:>7}  {', '.join(wrong) or '-'}"


def by_class(runs):
    """(pattern, its runs), sorted."""
    groups = collections.defaultdict(list)
    for run in runs:
        groups[run["expected"]].append(run)
    return sorted(groups.items())


def missed(runs, faults, healthy):
    """The bars that were missed, as sentences."""
    spoiled = [r for r in runs if "failed" in r or not r["reproduced"]]
    if len(spoiled) > BAR_SPOILED * len(runs):
        yield (f"{len(spoiled)} runs say nothing: the lab failed or the fault did not reproduce "
               f"({', '.join(sorted({r['scenario'] for r in spoiled}))})")
    if faults and sum(r["right"] for r in faults) < BAR_OVERALL * len(faults):
        yield f"right cause in fewer than {100 * BAR_OVERALL:.0f} % of the runs"
    for pattern, group in by_class(faults):
        if sum(r["right"] for r in group) < BAR_CLASS * len(group):
            yield f"class {pattern} below {100 * BAR_CLASS:.0f} %"
    p95 = judge.percentile(signal_times(faults), 95)
    if p95 is not None and p95 >= BAR_P95_MS:
        yield f"p95 from signal to finding is {p95:.1f} ms, not below {BAR_P95_MS:.0f} ms"
    errors = sum(r["false"].get("error", 0) for r in healthy)
    if errors:
        yield f"{errors} findings of severity error on healthy scenarios"


def signal_times(runs):
    return [r["signal_to_finding_ms"] for r in runs if r["signal_to_finding_ms"] is not None]


def report(runs, options):
    """Print everything; the list of missed bars."""
    good = [r for r in runs if "failed" not in r and r["reproduced"]]
    healthy = [r for r in good if r["truth"]["pattern"] is None]
    faults = [r for r in good if r["truth"]["pattern"] is not None]
    print(f"{len(runs)} runs, seed {options.seed}, {len(faults)} with a fault, {len(healthy)} healthy, "
          f"{len(runs) - len(good)} without a result\n")
    print("\n".join(confusion(good)))
    print(f"\n{'accuracy by class':<27}right              95 % interval (Wilson)")
    for pattern, group in by_class(faults):
        print(f"  {pattern:<24}{rate(group)}")
    print(f"  {'all faults':<24}{rate(faults)}\n")
    print(times("decisive kernel signal to finding", signal_times(faults)))
    print(times("saved against the application's own error",
                [r["saved_ms"] for r in faults if r["saved_ms"] is not None]))
    levels = collections.Counter()
    for run in healthy:
        levels.update(run["false"])
    print("false findings on healthy scenarios: "
          + (", ".join(f"{n} {level}" for level, n in sorted(levels.items())) or "none")
          + f" in {len(healthy)} runs")
    bars = list(missed(runs, faults, healthy))
    print("\nall bars met" if not bars else "\nMISSED:\n" + "\n".join(f"  {bar}" for bar in bars))
    return bars


def parser():
    top = argparse.ArgumentParser(prog="accuracy", description=__doc__.splitlines()[0])
    top.add_argument("-n", type=int, default=10, metavar="N", help="runs of each scenario")
    top.add_argument("-j", "--jobs", type=int, default=2, metavar="J", help="runs at the same time")
    top.add_argument("--seed", default="1", help="order and every random choice")
    top.add_argument("--only", action="append", metavar="GLOB", help="scenarios; repeatable")
    top.add_argument("--late", action="store_true", help="start crosscut when the fault is already there")
    top.add_argument("--crosscut", metavar="PATH")
    top.add_argument("--json", metavar="FILE", help="write all runs there")
    return top


def main(args=None):
    options = parser().parse_args(args)
    try:
        options.crosscut = watch.binary(options.crosscut)
        runs = collect(lab.select(options.only or ["*"]), options)
    except LabError as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return 4
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(runs, file, indent=1)
    return 1 if report(runs, options) else 0


if __name__ == "__main__":
    sys.exit(main())
