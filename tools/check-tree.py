# SPDX-License-Identifier: Apache-2.0
"""Fail when a file of the tree carries an unfinished mark, a path of somebody's machine, the name of a
package registry, or no licence line."""
import pathlib
import re
import sys

# Written in halves, so that this file does not find itself.
MARKS = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK", "not " "implemented"]) + r")\b")
PATHS = re.compile(r"(?<![\w.$}/-])/(" + "|".join(["work/", "root/", "tmp/research", "tmp/brief", "farm/", r"home/\w"])
                   + ")")
HOSTS = re.compile(r"\b(" + "|".join(["pypi\\.org", "python" "hosted", "crates\\.io", "npm" "js", "proxy\\.golang",
                                      "deb\\.debian\\.org", "ruby" "gems", "docker\\.io", "ghcr\\.io"]) + r")\b")
LICENSED = {".c", ".h", ".py", ".sh", ".in", ".build", ".yaml", ".yml", ".toml", ".service"}
LICENSED_NAMES = {"Makefile", "meson_options.txt", ".clang-format", ".gitignore", "run"}
SKIP_DIRS = {".git", "__pycache__", ".pytest_cache", "LICENSES"}
BINARY = {".xcr", ".pcap", ".pcapng", ".png", ".gz"}


def tree(root):
    """Every text file that is not in a build directory; from the disk, so that a tarball can be checked too."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if SKIP_DIRS.isdisjoint(parts) and not parts[0].startswith("build") and path.is_file() \
                and path.suffix not in BINARY:
            yield path


def offences(path, name):
    raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        return
    lines = raw.decode("utf-8", "replace").splitlines()
    if (path.suffix in LICENSED or path.name in LICENSED_NAMES) and lines \
            and not any("SPDX-License-Identifier:" in line for line in lines[:2]):
        yield f"{name}:1: no SPDX-License-Identifier in the first two lines"
    for number, line in enumerate(lines, 1):
        for pattern, what in ((MARKS, "unfinished mark"), (PATHS, "path of one machine"),
                              (HOSTS, "name of a package registry")):
            found = pattern.search(line)
            if found:
                yield f"{name}:{number}: {what}: {found[0]}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    bad = [line for path in tree(root) for line in offences(path, path.relative_to(root))]
    print("\n".join(bad) if bad else "the tree is clean")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
