# SPDX-License-Identifier: Apache-2.0
"""The short form of the kernel matrix: one older kernel under qemu; and the matrix's own judgement."""
import importlib.util
import pathlib
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "kernels.py"
CANNOT_RUN = 77
LIMIT_S = 420


@pytest.fixture(scope="module")
def kernels():
    """tools/kernels.py as a module."""
    spec = importlib.util.spec_from_file_location("kernel_matrix", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(verdict, confidence, expected="filter-drop"):
    return {"scenario": "s", "expected": expected, "verdict": verdict, "confidence": confidence,
            "right": verdict == expected}


def result(*rows, lacks="drop reasons", status=0):
    doctor = [{"check": "drop", "state": "part" if lacks else "ok", "lacks": lacks, "text": "t", "without": "w"}]
    return {"release": "r", "rows": list(rows), "doctor": doctor, "status": status, "error": ""}


@pytest.mark.parametrize("said, grade", [
    (row("filter-drop", 0.7), "right"),
    (row("black-hole", 0.95), "wrong"),
    (row("black-hole", 0.5), "degraded"),
    (row("unknown", 0.1), "degraded"),
    (row("nothing", None), "degraded"),
    ({"scenario": "s", "expected": "filter-drop", "problem": "timeout"}, "failed"),
])
def test_a_confident_mistake_is_wrong_and_doubt_is_not(kernels, said, grade):
    assert kernels.grade(said) == grade


def test_only_the_oldest_kernel_may_be_in_doubt_and_only_if_doctor_says_why(kernels):
    doubt = row("black-hole", 0.5)
    assert kernels.misses("6.1", result(doubt))
    assert not kernels.misses("5.10", result(doubt))
    assert kernels.misses("5.10", result(doubt, lacks=""))
    assert kernels.misses("5.10", result(row("black-hole", 0.9)))
    assert kernels.misses("6.12", result(row("filter-drop", 0.9), status=3))


@pytest.mark.root
def test_an_older_kernel_gives_the_same_answers(crosscut):
    done = subprocess.run([sys.executable, TOOL, "--short", "--crosscut", crosscut], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=LIMIT_S)
    if done.returncode == CANNOT_RUN:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 right" in done.stdout
