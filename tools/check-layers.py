# SPDX-License-Identifier: Apache-2.0
"""Fail when a source file includes a header of a room it may not know (ARCHITECTURE.md, the law)."""
import pathlib
import re
import sys

FLOOR = ["base", "model"]
STATE = ["conn", "l7", "flow", "sys", "meta", "diag", "insight", "trace"]
EDGE = ["probe", "source", "sink"]
TOP = ["core", "cmd"]
ABI_SEEN_BY = ["model", "conn", "flow", "probe", "source", "core"]
# One door in a wall, each with its reason.
DOORS = {("source", "probe"): "the live source is what loads the probes"}


def law():
    """Room -> rooms it may include, itself among them."""
    may = {"abi": {"abi"}, "base": {"base"}, "model": {"base", "model"}}
    may.update({room: {room, *FLOOR} for room in STATE})
    may.update({room: {room, *FLOOR, *STATE} for room in EDGE})
    may["core"] = {"core", *FLOOR, *STATE, *EDGE}
    may["cmd"] = may["core"] | {"cmd"}
    for room in ABI_SEEN_BY:
        may[room].add("abi")
    for room, other in DOORS:
        may[room].add(other)
    return may


def offences(root):
    may = law()
    for path in sorted((root / "src").rglob("*.[ch]")):
        name, room = path.relative_to(root), path.relative_to(root / "src").parts[0]
        if room not in may:
            yield f"{name}: no room '{room}' in the law; add it to ARCHITECTURE.md and to this check"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([a-z0-9]+)/', line)
            if match and match[1] not in may[room]:
                yield (f"{name}:{number}: {room}/ must not include {match[1]}/; "
                       f"the value it needs belongs in model/")


def main():
    bad = list(offences(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(bad) if bad else "the law holds")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
