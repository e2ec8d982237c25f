# SPDX-License-Identifier: Apache-2.0
"""What runs in the guest: doctor, then lab scenarios; one JSON line each, on stdout.

Usage: guest.py CROSSCUT SLOW SCENARIO...   (names and globs, as `lab run` takes them)
"""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lab"))

import judge  # noqa: E402
import lab  # noqa: E402
import topology  # noqa: E402

TRIES = 2  # a slow machine can spoil a fault (not what is said about it): then once more


def say(**line):
    print(json.dumps(line), flush=True)


def doctor(crosscut):
    done = subprocess.run([crosscut, "doctor", "-o", "json"], capture_output=True, text=True, check=False,
                          timeout=120)
    say(doctor=[json.loads(line) for line in done.stdout.splitlines()], status=done.returncode,
        error=done.stderr.strip())


def last_word(run):
    """The finding that is the verdict, or an empty one."""
    about = [f for f in run["findings"] if any(judge.about(f, w) for w in run["flows"])]
    standing = judge.standing(about)
    return standing[-1] if standing else {}


def attempt(name, crosscut):
    """One run as a plain row; `problem` when the fault did not happen as it should."""
    row = {"scenario": name, "expected": lab.load(name).TRUTH["pattern"]}
    try:
        run = lab.run_once(name, crosscut)
    except lab.LabError as error:
        return row | {"problem": str(error)}
    word = last_word(run)
    row |= {"verdict": run["verdict"], "right": run["right"], "status": word.get("status"),
            "confidence": word.get("confidence_score"), "summary": word.get("summary"),
            "evidence": word.get("evidence"), "app": run["app"], "stderr": run["crosscut_stderr"]}
    if not run["reproduced"]:
        row["problem"] = f"the application saw {', '.join(a['result'] for a in run['app'])}"
    return row


def scenario(name, crosscut):
    for _ in range(TRIES):
        row = attempt(name, crosscut)
        if "problem" not in row:
            break
    say(**row)


def main(crosscut, slow, *names):
    topology.slow = float(slow)
    doctor(crosscut)
    for name in lab.select(names):
        scenario(name, crosscut)
    say(finished=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
