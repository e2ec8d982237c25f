# SPDX-License-Identifier: Apache-2.0
"""Debian's cloud kernels, fetched from the mirror this system uses with an apt configuration of our own.

Nothing of the system's apt is touched, nothing is installed. What was unpacked once stays in the cache.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The kernel's name here and the suites that have it, first choice first.
SUITES = {"5.10": ["bullseye-security"], "6.1": ["bookworm"], "6.12": ["bookworm-backports", "trixie"]}
META = "linux-image-cloud-amd64"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class CannotFetch(Exception):
    """No such kernel to be had here; the text says why."""


def cache_dir():
    """Below $XDG_CACHE_HOME when that is set, else beside the build directory."""
    home = os.environ.get("XDG_CACHE_HOME")
    return pathlib.Path(home, "crosscut", "kernels") if home else ROOT / "build-kernels"


class Kernel:
    """One unpacked kernel package."""

    def __init__(self, name, root):
        self.name, self.root = name, root
        # Newer packages keep the modules below usr/.
        found = [p for p in (root / "lib/modules", root / "usr/lib/modules") if p.is_dir()]
        self.modules = next(found[0].iterdir()) if found else None
        self.release = self.modules.name if self.modules else None
        self.image = root / "boot" / f"vmlinuz-{self.release}"

    def is_complete(self):
        return self.release is not None and self.image.is_file() and (self.modules / "modules.dep.bin").exists()


def mirror(suite):
    """The URI of the archive that holds the suite, as in this system's own sources."""
    files = [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*.list"),
             *pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")]
    text = "\n".join(f.read_text(encoding="utf-8") for f in files if f.is_file())
    uris = re.findall(r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(\S+)", text, re.M)
    plain = [u.rstrip("/") for u in uris if u.rstrip("/").endswith("/debian")]
    security = [u.rstrip("/") for u in uris if u.rstrip("/").endswith("-security")]
    if not plain:
        raise CannotFetch("no Debian mirror in this system's apt sources")
    return (security[0] if security else plain[0] + "-security") if suite.endswith("-security") else plain[0]


class Apt:
    """apt with its own lists, cache and sources, for one suite."""

    def __init__(self, suite, place):
        for path in ("lists/partial", "cache/archives/partial", "parts"):
            (place / path).mkdir(parents=True, exist_ok=True)
        sources = place / "sources.list"
        sources.write_text(f"deb [signed-by={KEYRING}] {mirror(suite)} {suite} main\n", encoding="ascii")
        settings = {"Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": place / "parts",
                    "Dir::Etc::preferencesparts": place / "parts", "Dir::State::lists": place / "lists",
                    "Dir::State::status": "/dev/null", "Dir::Cache": place / "cache",
                    "APT::Sandbox::User": "root", "Acquire::Languages": "none", "Acquire::Retries": 2,
                    # signatures are checked; the date of a suite that gets no more updates is not
                    "Acquire::Check-Valid-Until": "false"}
        self.options = [word for k, v in settings.items() for word in ("-o", f"{k}={v}")]

    def run(self, program, *args, **kwargs):
        done = subprocess.run([program, "-q", *self.options, *args], capture_output=True, text=True, check=False,
                              timeout=300, **kwargs)
        if done.returncode:
            raise CannotFetch(f"{program} {args[0]}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
        return done.stdout

    def depends(self, package):
        text = self.run("apt-cache", "depends", package)
        return re.findall(r"^\s*Depends: (linux-(?:image|binary|modules)-\S+)", text, re.M)


def unpack(apt, package, place):
    """Download a kernel image (and the packages it is split into) and unpack it below `place`."""
    debs = place.with_suffix(".debs")
    partial = place.with_suffix(".partial")
    for path in (debs, partial):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    apt.run("apt-get", "download", package, *apt.depends(package), cwd=debs)
    for deb in debs.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, partial], check=True, timeout=300)
    kernel = Kernel(place.name, partial)
    base = kernel.modules.parents[2] if kernel.modules else partial
    subprocess.run(["depmod", "-b", base, kernel.release or ""], check=True, timeout=120)
    partial.rename(place)
    shutil.rmtree(debs)


def download(name):
    """The current kernel of that name, unpacked; CannotFetch when no suite has it."""
    problem = CannotFetch(f"no kernel '{name}'; there are {', '.join(SUITES)}")
    for suite in SUITES.get(name, []):
        apt = Apt(suite, cache_dir() / "apt" / suite)
        try:
            apt.run("apt-get", "update")
            package = (apt.depends(META) or [None])[0]
            if not package:
                raise CannotFetch(f"{suite} has no {META}")
            place = cache_dir() / package
            if not Kernel(name, place).is_complete():
                shutil.rmtree(place, ignore_errors=True)
                print(f"kernels: fetching {package} from {suite}", file=sys.stderr)
                unpack(apt, package, place)
            (cache_dir() / f"{name}.current").write_text(package, encoding="ascii")
            return Kernel(name, place)
        except CannotFetch as error:
            problem = error
    raise problem


def get(name, update=False):
    """The kernel of that name: from the cache, else (or to `update` it) from the mirror."""
    current = cache_dir() / f"{name}.current"
    if current.is_file() and not update:
        kernel = Kernel(name, cache_dir() / current.read_text(encoding="ascii"))
        if kernel.is_complete():
            return kernel
    for tool in ("apt-get", "dpkg-deb", "depmod"):
        if not shutil.which(tool):
            raise CannotFetch(f"{tool} is not installed")
    return download(name)
