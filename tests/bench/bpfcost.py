# SPDX-License-Identifier: Apache-2.0
"""What BPF programs cost, counted by the kernel: runs and nanoseconds of each program of one process."""
import contextlib
import ctypes
import json
import os
import pathlib
import re
from dataclasses import dataclass

from bed import LabError, command, tool

BPF_STATS_RUN_TIME = 0  # enum bpf_stats_type


@dataclass
class Counted:
    runs: int = 0
    ns: int = 0


@contextlib.contextmanager
def counting():
    """The kernel counts while this lasts. It is bound to a descriptor: nothing stays on if we are killed."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    fd = libbpf.bpf_enable_stats(BPF_STATS_RUN_TIME)
    if fd < 0:
        raise LabError(f"BPF_ENABLE_STATS: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        os.close(fd)


def program_names():
    return {p["id"]: p.get("name", "?") for p in json.loads(command([tool("bpftool"), "-j", "prog", "show"]))}


def counted(fdinfo, names):
    """{name: Counted} of one descriptor; empty when it is not a program."""
    fields = dict(re.findall(r"^(\w+):\s+(\d+)$", fdinfo, re.M))
    if "run_cnt" not in fields:
        return {}
    return {names.get(int(fields["prog_id"]), "?"): Counted(int(fields["run_cnt"]), int(fields["run_time_ns"]))}


def programs_of(pid, names=None):
    """{name: Counted} of the programs process `pid` holds, from its descriptors. `names`: program_names(), if known."""
    names, found = names or program_names(), {}
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found |= counted(entry.read_text(), names)
    return found


def tracing_programs_attached():
    """How many tracing programs there are, whoever holds them: they would cost every measurement."""
    return sum(p["type"] in ("tracing", "raw_tracepoint", "kprobe", "tracepoint", "perf_event")
               for p in json.loads(command([tool("bpftool"), "-j", "prog", "show"])))


def during(watcher, load):
    """Run `load` under `watcher`: (its result, {name: Counted}, CPU ns of the watcher)."""
    before, spent = programs_of(watcher.pid), watcher.cpu_ns()
    result = load()
    after, spent = programs_of(watcher.pid), watcher.cpu_ns() - spent
    none = Counted()
    delta = {name: Counted(c.runs - before.get(name, none).runs, c.ns - before.get(name, none).ns)
             for name, c in after.items()}
    return result, {name: c for name, c in delta.items() if c.runs}, spent
