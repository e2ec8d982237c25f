# SPDX-License-Identifier: Apache-2.0
"""Write the reference pages of docs/ from the program's own tables, or check that they are up to date."""
import argparse
import difflib
import pathlib
import subprocess
import sys

PAGES = ("options", "commands", "patterns", "probes", "features", "events")


def page(crosscut, name):
    return subprocess.run([crosscut, "help", "--markdown", name], check=True, capture_output=True, text=True).stdout


def differs(path, wanted):
    """Show how the file differs; True when it does."""
    have = path.read_text() if path.exists() else ""
    diff = list(difflib.unified_diff(have.splitlines(), wanted.splitlines(), str(path), "generated", lineterm=""))
    print("\n".join(diff[:8]))
    return bool(diff)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crosscut")
    parser.add_argument("docs", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a page is old")
    options = parser.parse_args()
    old = 0
    for name in PAGES:
        path, wanted = options.docs / f"{name}.md", page(options.crosscut, name)
        if options.check:
            old += differs(path, wanted)
        else:
            path.write_text(wanted)
    if old:
        print(f"{old} pages are old: make docs")
    return bool(old)


if __name__ == "__main__":
    sys.exit(main())
