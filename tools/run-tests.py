# SPDX-License-Identifier: Apache-2.0
"""Run every suite, show what happens, and end with one line: crosscut: N passed, N failed, N skipped."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
JOBS = os.environ.get("JOBS", "2")
MESON_SUITES = ("checks", "unit", "golden", "bpf")
ASAN = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
FUZZ_SECONDS = 5
COVER_PERCENT = 85


class Tally:
    """What was counted so far, suite by suite."""

    def __init__(self):
        self.rows = []

    def add(self, suite, passed, failed, skipped, began):
        self.rows.append((suite, passed, failed, skipped))
        print(f"-- {suite}: {passed} passed, {failed} failed, {skipped} skipped ({time.monotonic() - began:.1f} s)",
              flush=True)

    def total(self, column):
        return sum(row[column] for row in self.rows)


def junit_counts(path):
    """passed, failed, skipped and the names of the failed, of a JUnit file."""
    passed = failed = skipped = 0
    names = []
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            names.append(f"{case.get('classname', '')} {case.get('name', '')}".strip())
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped, names


def call(args, **kwargs):
    """Run with the output shown as it comes; the exit status."""
    print("+", " ".join(map(str, args)), flush=True)
    return subprocess.run([str(a) for a in args], cwd=ROOT, check=False, **kwargs).returncode


def finish(tally, suite, began, report, status):
    """Count a report; a run that failed without a failed test in the report counts as one failure."""
    try:
        passed, failed, skipped, names = junit_counts(report)
    except (OSError, ElementTree.ParseError) as error:
        print(f"{suite}: no report: {error}")
        passed, failed, skipped, names = 0, 0, 0, []
    for name in names:
        print(f"   failed: {name}")
    tally.add(suite, passed, max(failed, int(status != 0)), skipped, began)


def configure(build, *options, env=None):
    """Set up and build a build directory; true when that worked."""
    if not (ROOT / build / "build.ninja").exists() and call(["meson", "setup", build, *options], env=env):
        return False
    return call(["ninja", "-C", build, "-j", JOBS], stdout=subprocess.DEVNULL) == 0 \
        or call(["ninja", "-C", build, "-j", JOBS]) == 0


def meson_suites(tally, build, suites, label="", env=None):
    """One meson run for several suites; counted together."""
    began = time.monotonic()
    logs = ROOT / build / "meson-logs"
    report = logs / "testlog.junit.xml"
    report.unlink(missing_ok=True)
    status = call(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--num-processes", JOBS,
                   *[word for suite in suites for word in ("--suite", suite)]], env=os.environ | (env or {}))
    finish(tally, label or "+".join(suites), began, report, status)


def end_to_end(tally, build):
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        report = pathlib.Path(place) / "report.xml"
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        status = call([python, "-m", "pytest", "-q", "--color=auto", "-p", "no:cacheprovider", "-rs",
                       f"--junitxml={report}", "tests/e2e"],
                      env=os.environ | {"CROSSCUT": str(ROOT / build / "crosscut"), "PYTHONDONTWRITEBYTECODE": "1"})
        finish(tally, "e2e", began, report, status)


def sanitized(tally):
    """Unit and golden tests again, where a bad byte is a crash."""
    began = time.monotonic()
    if not configure("build-asan", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dwerror=false"):
        tally.add("asan+ubsan (build)", 0, 1, 0, began)
        return
    meson_suites(tally, "build-asan", ("unit", "golden"), "asan+ubsan", ASAN)


def fuzzed(tally):
    began = time.monotonic()
    if not shutil.which("clang-14"):
        tally.add("fuzz (clang-14 is not installed)", 0, 0, 1, began)
        return
    status = call([sys.executable, "tools/run-fuzz.py", "--seconds", FUZZ_SECONDS])
    tally.add("fuzz", int(status == 0), int(status != 0), 0, began)


def cover():
    """Line coverage of src/ but src/cmd, from everything that runs the program."""
    tally = Tally()
    if not configure("build-cover", "-Db_coverage=true"):
        return 1
    for old in (ROOT / "build-cover").rglob("*.gcda"):
        old.unlink()
    meson_suites(tally, "build-cover", ("unit", "golden"))
    end_to_end(tally, "build-cover")
    if os.geteuid() == 0:  # every fault once: what only the real kernel can reach
        call([sys.executable, "lab/lab.py", "run", "*", "-o", "json"], stdout=subprocess.DEVNULL,
             env=os.environ | {"CROSSCUT": str(ROOT / "build-cover" / "crosscut")})
    status = call(["gcovr", "--root", ROOT, "--filter", "src/", "--exclude", "src/cmd/", "--exclude", r".*\.bpf\.c",
                   "--gcov-ignore-parse-errors", "--print-summary", "--sort-percentage",
                   "--fail-under-line", str(COVER_PERCENT), "build-cover"])
    return int(status != 0 or tally.total(2) > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--cover", action="store_true", help="measure line coverage instead")
    options = parser.parse_args()
    if options.cover:
        return cover()
    tally = Tally()
    meson_suites(tally, options.build, MESON_SUITES)
    end_to_end(tally, options.build)
    sanitized(tally)
    fuzzed(tally)
    passed, failed, skipped = (tally.total(column) for column in (1, 2, 3))
    print(f"crosscut: {passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())
