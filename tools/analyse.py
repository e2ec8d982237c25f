# SPDX-License-Identifier: Apache-2.0
"""Static analysis of src/ with clang-tidy 14, or cppcheck where that is missing."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
JOBS = int(os.environ.get("JOBS", "2"))
CHECKS = ",".join([
    "-*", "bugprone-*", "clang-analyzer-*",
    "-bugprone-easily-swappable-parameters",  # a matter of taste; five parameters are the limit here
    "-bugprone-reserved-identifier",  # _XC_x_MAX ends every enum, on purpose
    "-bugprone-narrowing-conversions",  # -Wconversion's work where it matters
    "-bugprone-implicit-widening-of-multiplication-result",
    "-bugprone-assignment-in-if-condition",
    "-bugprone-branch-clone",  # switch cases with one result read better apart
    "-bugprone-suspicious-include",  # the tables include lists
    "-bugprone-suspicious-string-compare",  # !strcmp() is the idiom
    "-clang-analyzer-unix.Malloc",  # version 14 does not know the cleanup attribute; ASan does this better
    "-clang-analyzer-optin.performance.Padding",
    "-bugprone-macro-parentheses",  # X(name) cannot have them
    "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling",  # wants Annex K, which glibc lacks
])
GCC_ONLY = ("-Winvalid-pch",)


def compile_commands(build):
    """The commands for src/*.c, without what clang does not know."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(ROOT / "src"):
            words = [w for w in entry["command"].split() if w not in GCC_ONLY]
            yield {"directory": entry["directory"], "file": str(path), "command": " ".join(words)}


def tidy(path, database):
    done = subprocess.run(["clang-tidy-14", "-p", database, "--quiet", "--warnings-as-errors=*", f"--checks={CHECKS}",
                           "--header-filter=src/.*", path], capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout.strip() or done.stderr.strip(), flush=True)
    return done.returncode


def with_clang_tidy(build):
    entries = list(compile_commands(build))
    with tempfile.TemporaryDirectory() as database, concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        pathlib.Path(database, "compile_commands.json").write_text(json.dumps(entries))
        results = list(pool.map(lambda entry: tidy(entry["file"], database), entries))
    print(f"clang-tidy: {len(results)} files, {sum(map(bool, results))} with findings")
    return int(any(results))


def with_cppcheck():
    return subprocess.run(["cppcheck", "--quiet", "--error-exitcode=1", "--enable=warning,portability",
                           "--inline-suppr", "--std=c11", "-Isrc", "-i", "src/probe", "src"], cwd=ROOT,
                          check=False).returncode


def main():
    if shutil.which("clang-tidy-14"):
        return with_clang_tidy(ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build"))
    if shutil.which("cppcheck"):
        return with_cppcheck()
    print("neither clang-tidy-14 nor cppcheck is installed: tools/deps.sh test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
