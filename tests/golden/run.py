# SPDX-License-Identifier: Apache-2.0
"""Replay every recording here and compare what crosscut says, byte for byte, with what is expected. TAP.

One directory a case: input.xcr, expect.jsonl, expect.txt. --update writes what is said now and shows the
difference; --record makes the recordings anew in the laboratory (root). A name limits either to that case.
"""
import argparse
import difflib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LAB = HERE.parents[1] / "lab" / "lab.py"
INPUT_MAX = 40 * 1024
EXPECTED = {"expect.jsonl": "json", "expect.txt": "text"}
# Text shows the time of day: the same one on every machine.
ENV = {k: v for k, v in os.environ.items() if not k.startswith("CROSSCUT_")} | {"TZ": "UTC", "NO_COLOR": "1"}


def cases(names):
    return [d for d in sorted(HERE.iterdir()) if d.is_dir() and (d / "input.xcr").exists()
            and (not names or d.name in names)]


def replay(crosscut, case, output):
    """What crosscut says about the recording, as bytes; what is wrong with the run, or None."""
    done = subprocess.run([crosscut, "why", "-q", "-r", case / "input.xcr", "-o", output, "--color", "never"],
                          env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    if done.returncode or done.stderr:
        return done.stdout, f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}"
    return done.stdout, None


def difference(expected, got, name):
    old, new = (data.decode(errors="replace").splitlines() for data in (expected, got))
    return "\n".join(line[:400] for line in difflib.unified_diff(old, new, f"{name} (expected)", name, lineterm="", n=1))


def problems(crosscut, case):
    """Everything that is wrong with one case, as text."""
    if (case / "input.xcr").stat().st_size > INPUT_MAX:
        yield f"input.xcr is larger than {INPUT_MAX} bytes: choose a shorter scenario"
    for name, output in EXPECTED.items():
        said, wrong = replay(crosscut, case, output)
        if wrong:
            yield wrong
            continue
        if replay(crosscut, case, output)[0] != said:
            yield f"{output}: two replays differ"
        if not (case / name).exists():
            yield f"{name} is missing: look at what --update writes"
            continue
        expected = (case / name).read_bytes()
        if said != expected:
            yield difference(expected, said, f"{case.name}/{name}")


def check(crosscut, names):
    found = cases(names)
    failed = 0
    print(f"1..{len(found)}")
    for number, case in enumerate(found, 1):
        wrong = list(problems(crosscut, case))
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {case.name}", flush=True)
        for line in "\n".join(wrong).splitlines():
            print(f"# {line}")
    return int(bool(failed) or not found)


def update(crosscut, names):
    changed = 0
    for case in cases(names):
        for name, output in EXPECTED.items():
            said, wrong = replay(crosscut, case, output)
            if wrong:
                print(f"{case.name}: {wrong}")
                return 1
            path = case / name
            expected = path.read_bytes() if path.exists() else None
            if said != expected:
                changed += 1
                print(difference(expected or b"", said, f"{case.name}/{name}"))
                path.write_bytes(said)
    print(f"{changed} files changed" + ("; look at every line before you keep it" if changed else ""))
    return 0


def record(crosscut, names):
    """A case is named after its scenario, with '-'."""
    for name in names or [case.name for case in cases([])]:
        (HERE / name).mkdir(exist_ok=True)
        subprocess.run([sys.executable, LAB, "record", name, HERE / name / "input.xcr", "--crosscut", crosscut],
                       check=True, timeout=120)
        (HERE / name / "input.xcr").chmod(0o644)
    return update(crosscut, names)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crosscut", help="the binary")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_intermixed_args()
    act = record if options.record else update if options.update else check
    return act(os.path.abspath(options.crosscut), options.cases)


if __name__ == "__main__":
    sys.exit(main())
