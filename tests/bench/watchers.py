# SPDX-License-Identifier: Apache-2.0
"""Those who watch while the load runs: nobody, crosscut, tcpdump, and bpftrace or what stands in for it."""
import os
import pathlib
import re
import shutil
import subprocess

from bed import HERE, ROOT, START_S, LabError, command, cpu_ns, pinned, stop, tool, wait_for

FILTER = "tcp[tcpflags] & (tcp-syn|tcp-rst|tcp-fin) != 0"


class Watcher:
    """A process that is ready once its output (stdout or stderr) says `ready`. Both go to files, or stdout to `out`."""

    def __init__(self, bed, args, ready, out=None, cpu=None):
        self.out, self.err, self.looked_ns = out or bed.dir / "watcher.out", bed.dir / "watcher.err", -1_000_000
        with open(self.out, "wb") as stdout, open(self.err, "wb") as err:
            self.process = subprocess.Popen(pinned(bed.cpu if cpu is None else cpu, args), stdin=subprocess.DEVNULL,
                                            stdout=stdout, stderr=err)
        try:
            wait_for(lambda: self.is_ready(ready), START_S, f"{args[0]} does not start")
            wait_for(self.is_idle, START_S, f"{args[0]} does not settle", pause=0.05)
        except BaseException:
            stop(self.process)
            raise

    def is_ready(self, ready):
        if self.process.poll() is not None:
            raise LabError(f"ended with {self.process.returncode}: {self.said()[-400:].strip()}")
        return ready in self.said()

    def is_idle(self):
        """What it does once, at the start, is over: less than 1 ms of CPU since the last look."""
        before, self.looked_ns = self.looked_ns, self.cpu_ns()
        return self.looked_ns - before < 1_000_000

    def said(self):
        return self.err.read_text(errors="replace") + (
            self.out.read_text(errors="replace") if self.out.is_file() and self.out.stat().st_size < 4096 else "")

    @property
    def pid(self):
        return self.process.pid

    def cpu_ns(self):
        return cpu_ns(self.pid)

    def peak_kb(self):
        """Largest resident set so far."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    def memory_kb(self):
        """Resident set now, in parts: of our own, of files (code), shared (the ring, mapped twice)."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return {part: int(re.search(rf"{part}:\s+(\d+)", status)[1]) for part in ("RssAnon", "RssFile", "RssShmem")}

    def stop(self):
        return stop(self.process)


class Nobody:
    pid = None

    def cpu_ns(self):
        return 0

    def stop(self):
        return 0


def compile_peer(where):
    """Build the stand-in for bpftrace into directory `where`; its path."""
    include = [f"-I{ROOT / 'src'}", f"-I{HERE}", f"-I{where}"]
    arch = {"x86_64": "x86", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    multiarch = command(["gcc", "-print-multiarch"]).strip()
    command(["clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", f"-D__TARGET_ARCH_{arch}", *include,
             f"-I/usr/include/{multiarch}", "-c", str(HERE / "peer.bpf.c"), "-o", str(where / "peer.bpf.o")])
    skeleton = command([tool("bpftool"), "gen", "skeleton", str(where / "peer.bpf.o"), "name", "peer_bpf"])
    (where / "peer.skel.h").write_text(skeleton)
    command(["gcc", "-O2", *include, str(HERE / "peer.c"), "-o", str(where / "peer"), "-lbpf"])
    return str(where / "peer")


class Watchers:
    """How to start each of them on one bed."""

    def __init__(self, bed, crosscut):
        self.bed, self.crosscut = bed, crosscut
        self.peer = compile_peer(bed.dir)
        self.start = {"nothing": Nobody}

    def start_empty(self):
        """The empty BPF program: what measuring costs."""
        return Watcher(self.bed, [self.peer, "empty"], "attached")


class ConnectionWatchers(Watchers):
    """Those who watch connections begin, fail and end."""

    def __init__(self, bed, crosscut):
        super().__init__(bed, crosscut)
        self.why_not_bpftrace = self.try_bpftrace()
        bpftrace = "stand-in for bpftrace" if self.why_not_bpftrace else "bpftrace"
        self.start |= {"crosscut why": self.start_crosscut, "tcpdump": self.start_tcpdump, bpftrace: self.start_bpftrace}

    def start_crosscut(self, *options):
        args = [self.crosscut, "why", "-o", "json", "--stats", "--netns", self.bed.netns, *options]
        return Watcher(self.bed, args, "crosscut: watching")

    def start_gone(self):
        """Crosscut, started and ended before the load: whatever its start does to the machine, it did here, too."""
        self.start_crosscut().stop()
        return Nobody()

    def start_tcpdump(self):
        args = [tool("tcpdump"), "-Z", "root", "-i", "lo", "-w", str(self.bed.dir / "tcpdump.pcap"), FILTER]
        return Watcher(self.bed, self.bed.inside(args), "listening on")

    def start_bpftrace(self):
        if self.why_not_bpftrace:
            return Watcher(self.bed, [self.peer], "attached")
        return Watcher(self.bed, [tool("bpftrace"), str(HERE / "peer.bt")], "attached")

    def try_bpftrace(self):
        """None when bpftrace works here, else why not."""
        if not shutil.which("bpftrace"):
            return "not installed"
        try:
            Watcher(self.bed, [tool("bpftrace"), str(HERE / "peer.bt")], "attached").stop()
        except LabError as error:
            return str(error).splitlines()[-1].rpartition("ERROR: ")[2]
        return None
