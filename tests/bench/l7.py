# SPDX-License-Identifier: Apache-2.0
"""Requests a second on one core, from memory: every sample of every protocol, see l7.c. The best of the rounds counts, in CPU
time (user + system). Exit status 1: the bar is missed.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

from rounds import print_bars

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / os.environ.get("BUILD", "build")
BAR = ("http1", "keep-alive", 500_000)  # requests with their answers
LIMIT_S = 600


def run(program, seconds, samples):
    """{sample: requests a second, bytes a second}"""
    done = subprocess.run([program, str(seconds), *samples], capture_output=True, check=True, timeout=LIMIT_S, text=True)
    rows = map(json.loads, done.stdout.splitlines())
    return {pathlib.Path(row["sample"]): (row["requests"] / row["cpu_s"], row["bytes"] / row["cpu_s"]) for row in rows}


def best(args, name):
    """The fastest round of each sample of protocol @name."""
    samples = sorted(map(str, (ROOT / "tests" / "corpus" / name).iterdir()))
    rounds = [run(args.program, args.seconds, samples) for _ in range(args.rounds)]
    return {sample: max(one[sample] for one in rounds) for sample in rounds[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=BUILD / "bench_l7")
    parser.add_argument("--seconds", type=float, default=0.2, help="for each sample and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, says little")
    parser.add_argument("protocols", nargs="*", help="all of them, when none is named")
    args = parser.parse_args()
    if args.quick:
        args.seconds, args.rounds = 0.02, 1
    if not args.program.exists():
        print(f"bench: {args.program} is not there: build first", file=sys.stderr)
        return 1
    names = args.protocols or re.findall(r"^X\((\w+)\)", (BUILD / "l7.list").read_text(), re.M)
    found = {}
    print(f"{'protocol':<12}{'sample':<28}{'requests/s':>14}{'MB/s':>10}")
    for name in names:
        for sample, (requests, bytes_s) in best(args, name).items():
            found[name, sample.name] = requests
            print(f"{name:<12}{sample.name:<28}{requests:>14,.0f}{bytes_s / 1e6:>10,.1f}", flush=True)
    got = found.get(BAR[:2])
    if got is not None:
        print_bars([(f"{BAR[0]} {BAR[1]}: at least {BAR[2]:,} requests/s", got >= BAR[2], f"{got:,.0f}")])
    return int(got is not None and got < BAR[2])


if __name__ == "__main__":
    sys.exit(main())
