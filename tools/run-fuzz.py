# SPDX-License-Identifier: Apache-2.0
"""Build the fuzz targets with clang, AddressSanitizer and UBSan, and run each for a while, JOBS at a time."""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = "build-fuzz"
JOBS = os.environ.get("JOBS", "2")


def build():
    if not (ROOT / BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", BUILD, "-Dfuzz=true", "-Db_sanitize=address,undefined",
                        "-Db_lundef=false", "-Dwerror=false"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"CC": "clang-14"})
    targets = [f"fuzz_{p.name}" for p in sorted((ROOT / "tests" / "corpus").iterdir())]
    subprocess.run(["ninja", "-C", BUILD, "-j", JOBS, *targets], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return targets


def fuzz(target, seconds):
    """New inputs go to a directory that is thrown away; a crash is kept beside the target."""
    with tempfile.TemporaryDirectory() as fresh:
        done = subprocess.run([ROOT / BUILD / target, f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10",
                               "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0",
                               f"-artifact_prefix={ROOT / BUILD}/{target}-", fresh,
                               ROOT / "tests" / "corpus" / target.removeprefix("fuzz_")],
                              capture_output=True, text=True, check=False)
    runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    print(f"{target}: {'ok' if not done.returncode else 'FAILED'}, {runs[0] if runs else '?'} inputs", flush=True)
    if done.returncode:
        print("\n".join(done.stderr.splitlines()[-40:]))
    return done.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", help="fuzz_NAME; all when none is given")
    options = parser.parse_args()
    try:
        targets = build()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"fuzz: cannot build: {error}")
        return 1
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        results = pool.map(lambda target: fuzz(target, options.seconds), options.targets or targets)
    return int(any(list(results)))


if __name__ == "__main__":
    sys.exit(main())
