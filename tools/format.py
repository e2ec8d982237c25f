# SPDX-License-Identifier: Apache-2.0
"""Check the C format, or apply it (--fix). clang-format 14 decides, except where it cannot keep
what a person did better: the columns of trailing comments stay as they were written."""
import argparse
import difflib
import pathlib
import re
import shutil
import subprocess
import sys

CLANG_FORMAT = "clang-format-14"  # one version: every other formats differently
SKIP = 77  # meson's exit status for "could not run here"


def normalised(line):
    """A line without the white space that places its comment or makes columns of a table."""
    line = re.sub(r"^\s+(?=\*[ /]|\*$)", " ", line)
    line = re.sub(r"(?<=[,{])[ \t]+", " ", line)
    return re.sub(r"(?<=\S)[ \t]+(?=/\*)", " ", line)


def formatted(text, root):
    """What clang-format makes of the text, with the original's comment columns."""
    done = subprocess.run([CLANG_FORMAT, "--assume-filename", str(root / "src" / "x.c")], input=text,
                          capture_output=True, text=True, check=True)
    old, new = text.splitlines(), done.stdout.splitlines()
    matcher = difflib.SequenceMatcher(None, [normalised(x) for x in old],
                                      [normalised(x) for x in new], autojunk=False)
    out = []
    for tag, a, b, c, d in matcher.get_opcodes():
        out += old[a:b] if tag == "equal" else new[c:d]
    return "\n".join(out) + "\n"


def check(path, root, fix, verbose):
    """The number of lines that are not as they should be."""
    text = path.read_text()
    wanted = formatted(text, root)
    if wanted == text:
        return 0
    if fix:
        path.write_text(wanted)
    diff = list(difflib.unified_diff(text.splitlines(), wanted.splitlines(), str(path.relative_to(root)),
                                     "formatted", n=0, lineterm=""))
    if verbose:
        print("\n".join(diff))
    return sum(line[0] == "+" for line in diff[2:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path, nargs="?", default=pathlib.Path("."))
    parser.add_argument("--fix", action="store_true", help="rewrite the files")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the differences")
    options = parser.parse_args()
    if not shutil.which(CLANG_FORMAT):
        print(f"{CLANG_FORMAT} is not installed")
        return SKIP
    root, bad = options.root.resolve(), 0
    for top in ("src", "tests", "lab"):
        for path in sorted((root / top).rglob("*.[ch]")):
            lines = check(path, root, options.fix, options.verbose)
            bad += lines
            if lines:
                print(f"{path.relative_to(root)}: {lines} lines {'changed' if options.fix else 'to change: make fmt'}")
    return 1 if bad and not options.fix else 0


if __name__ == "__main__":
    sys.exit(main())
