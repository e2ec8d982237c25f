# SPDX-License-Identifier: Apache-2.0
"""Events: how many a second live and from a recording, how old they are when they come out, and what connections hold."""
import contextlib
import json
import os
import subprocess

import captures
import tap
from bed import PORT, START_S, LabError, pinned, stop, wait_for
from observers import FORMATS, Account, end

AGE_LIMIT_S = 60


def run(bed, args):
    """(what a program says on stderr, its CPU seconds); its output goes nowhere."""
    said = bed.dir / "run.err"
    with open(said, "wb") as err:
        seconds, _ = captures.spend(args, err)
    return said.read_text(errors="replace"), seconds


# ---- from a recording ------------------------------------------------------------------------

def record(watchers, mode, seconds):
    """Record the load; (path, account of the recording run)."""
    path = watchers.bed.dir / "load.xcr"
    watcher = watchers.start_observe([*FORMATS["summary"], "--record", str(path)], cpu=watchers.bed.other_cpu())
    try:
        watchers.bed.load(mode, seconds)
    finally:
        account = end(watcher)
    return path, account


def from_recording(watchers, path, rounds):
    """{format: events a second of CPU}: the best of the rounds. Every format reads the same events."""
    bed, best = watchers.bed, {}
    for _ in range(rounds):
        for name, options in FORMATS.items():
            said, seconds = run(bed, pinned(bed.other_cpu(), [watchers.crosscut, "observe", "-r", str(path), "--stats",
                                                              *options]))
            account = Account.of(said)
            best[name] = max(best.get(name, 0), account.handled / seconds)
    return best


# ---- live --------------------------------------------------------------------------------------

def live(watchers, name, mode, seconds):
    """One load, watched in format `name` from another CPU."""
    bed = watchers.bed
    watcher = watchers.start_observe(FORMATS[name], cpu=bed.other_cpu())
    try:
        spent, told = watcher.cpu_ns(), bed.load(mode, seconds)
        wait_for(watcher.is_idle, START_S, "observe does not come to rest", pause=0.05)
        spent = watcher.cpu_ns() - spent
    finally:
        account = end(watcher)
    return {"requests_s": told.rate, "events_s": account.handled / told.seconds, "lost": account.lost,
            "missing": told.requests - account.requests, "busy": spent / 1e9 / told.seconds,
            "capacity_s": account.handled / max(spent, 1) * 1e9}


# ---- how old they are ----------------------------------------------------------------------------

def ages(watchers, rate, seconds):
    """Percentiles of the time from the answer's last packet to the event at the other end of a pipe."""
    bed = watchers.bed
    pipe = bed.dir / f"pipe{rate}"
    os.mkfifo(pipe)
    reader = subprocess.Popen(pinned(bed.other_cpu(), ["sh", "-c", f"exec {bed.built('arrivals')} <{pipe}"]),
                              stdout=subprocess.PIPE, text=True)
    try:
        watcher = watchers.start_observe(FORMATS["json"], pipe, bed.other_cpu())
        try:
            sent = json.loads(bed.call(*pinned(bed.cpu, [bed.built("paced"), str(PORT), str(rate), str(seconds)])))
        finally:
            account = end(watcher)
        said, _ = reader.communicate(timeout=AGE_LIMIT_S)
    finally:
        stop(reader)
        pipe.unlink()
    if reader.returncode:
        raise LabError("no event came out of the pipe")
    return json.loads(said) | {"rate": sent["requests"] / sent["seconds"], "lost": account.lost}


# ---- what connections hold -----------------------------------------------------------------------

@contextlib.contextmanager
def connections(args):
    """One side of them, once it is ready."""
    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":
                raise LabError(f"{' '.join(args)}: it ended")
            yield
            process.stdin.close()
            process.wait(AGE_LIMIT_S)
        finally:
            stop(process)


def resident(watchers, count):
    """KB that observe has with so many connections open, each with a request; both sides in a namespace of their own."""
    bed = watchers.bed
    program = pinned(bed.cpu, [bed.built("connections"), str(count), str(PORT)])
    with tap.Bed() as pair, connections(pair.inside(pair.b, program)):
        watcher = watchers.start_observe(FORMATS["json"], cpu=bed.other_cpu(), netns=pair.a)
        try:
            idle_kb = watcher.peak_kb()
            with connections(pair.inside(pair.a, [*program, "10.8.0.2"])):
                wait_for(watcher.is_idle, START_S, "observe does not come to rest", pause=0.05)
                peak_kb, parts = watcher.peak_kb(), watcher.memory_kb()
        finally:
            account = end(watcher)
    return {"idle_kb": idle_kb, "peak_kb": peak_kb, "parts": parts, "connections": account.connections,
            "requests": account.requests, "lost": account.lost}
