# SPDX-License-Identifier: Apache-2.0
"""A labelled data set: every scenario of a label at every level, exported by crosscut features, merged.

runs/RUN.csv is what crosscut wrote, every row with the label of the run. dataset.csv holds the rows of all runs with
the label each row deserves (rows.true_label) and the column run_id, by which training and test must be split.
"""
import collections
import csv
import pathlib
import sys

import features
import rows
import scenes
import watch
from topology import LabError

ENOUGH_ROWS = 100  # of each label


def planned(options):
    """(run id, scenario, plan) of every run."""
    for name in scenes.labelled(options.label):
        for level in features.levels(scenes.load(name)):
            if options.level not in (None, level):
                continue
            for number in range(1, options.repeat + 1):
                run_id = f"{name}.{level}.{number}"
                yield run_id, name, features.Plan(level, (), options.window, options.duration, options.columns,
                                                  f"{options.seed}.{number}", options.out / "runs" / run_id)


class Merged:
    """dataset.csv, a run at a time."""

    def __init__(self, path):
        self.file = open(path, "x", encoding="utf-8", newline="")
        self.writer, self.counts = None, collections.Counter()

    def add(self, run_id, run):
        """The rows of the run whose label is clear-cut."""
        for row in run["rows"]:
            label = rows.true_label(row, run)
            if label is None:
                continue
            if not self.writer:
                self.writer = csv.DictWriter(self.file, ["run_id", *row], lineterminator="\n")
                self.writer.writeheader()
            self.writer.writerow(row | {"run_id": run_id, "anomaly_label": label})
            self.counts[label] += 1
        self.file.flush()


def made(options, crosscut, merged):
    """Do the runs; those that failed."""
    runs, failed = list(planned(options)), []
    for number, (run_id, name, plan) in enumerate(runs, 1):
        try:
            run = features.run_once(name, scenes.load(name), plan, crosscut)
            merged.add(run_id, run)
            text = f"{len(run['rows'])} rows; {run['proof']}"
            good = run["reproduced"]
        except LabError as error:
            text, good = str(error), False
        if not good:
            failed.append(run_id)
        print(f"[{number}/{len(runs)}] {run_id}: {'' if good else 'FAILED: '}{text}", file=sys.stderr, flush=True)
    return failed


def cmd_dataset(options):
    crosscut = watch.binary(options.crosscut)
    path = options.out / "dataset.csv"
    if path.exists():
        raise LabError(f"{path} exists; choose another --out")
    (options.out / "runs").mkdir(parents=True, exist_ok=True)
    merged = Merged(path)
    with merged.file:
        failed = made(options, crosscut, merged)
    for label, count in sorted(merged.counts.items()):
        print(f"label {label:>2}  {rows.LABELS[label]:<20}{count:>7} rows" + (
            "" if count >= ENOUGH_ROWS else f"   fewer than {ENOUGH_ROWS}"))
    print(f"{path}: {sum(merged.counts.values())} rows")
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


def add_parser(commands):
    one = commands.add_parser("dataset", help="a labelled data set from the scenarios with a label")
    one.add_argument("--label", type=int, choices=range(len(rows.LABELS)), metavar="N", help="only this one, 0..11")
    one.add_argument("--level", help="only this intensity, for instance medium")
    features.add_times(one, window_s=5, duration_s=100)
    one.add_argument("--repeat", type=int, default=1, metavar="N", help="runs at each level")
    one.add_argument("--columns", default="default", help="as for crosscut features")
    one.add_argument("--seed", default="1")
    one.add_argument("--out", type=pathlib.Path, default=pathlib.Path("dataset"), metavar="DIR")
    one.add_argument("--crosscut", metavar="PATH")
    one.set_defaults(run=cmd_dataset)
