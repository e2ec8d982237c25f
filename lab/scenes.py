# SPDX-License-Identifier: Apache-2.0
"""Finding scenarios. Each is a file with a docstring, TRUTH and run(): under scenarios/ those that `crosscut why`
shall explain (TRUTH names a pattern), under faults/ those whose rows `crosscut features` shall label."""
import fnmatch
import importlib.util
import pathlib

from topology import LabError

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = ("scenarios", "faults")


def names(family="scenarios"):
    """Every scenario of a family: the files of its directory, with '-' for '_'."""
    return sorted(p.stem.replace("_", "-") for p in (HERE / family).glob("*.py"))


def is_fault(name):
    return name in names("faults")


def load(name):
    """The scenario's module: TRUTH, run() and its docstring."""
    family = next((f for f in FAMILIES if name in names(f)), None)
    if not family:
        raise LabError(f"no scenario '{name}'; `lab list` shows them all")
    path = HERE / family / (name.replace("-", "_") + ".py")
    spec = importlib.util.spec_from_file_location(f"{family}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def matching(pattern, known):
    """The names among `known` the pattern means; 'healthy' and 'faults' are the two kinds of scenarios/."""
    if pattern in ("healthy", "faults"):
        return [n for n in names() if (load(n).TRUTH["pattern"] is None) == (pattern == "healthy")]
    return [n for n in known if fnmatch.fnmatchcase(n, pattern)]


def select(patterns, families=("scenarios",)):
    """The scenarios that match the names or globs given."""
    known, chosen = [n for family in families for n in names(family)], []
    for pattern in patterns:
        found = matching(pattern, known)
        if not found:
            raise LabError(f"no scenario '{pattern}'; `lab list` shows them all")
        chosen += [n for n in found if n not in chosen]
    return chosen


def labelled(label=None):
    """The scenarios that make data sets, those of one label or all, by label."""
    found = [(load(n).TRUTH, n) for n in names("faults")]
    return [n for truth, n in sorted(found, key=lambda item: (item[0]["label"], item[1]))
            if "lasts" not in truth and label in (None, truth["label"])]
