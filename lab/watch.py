# SPDX-License-Identifier: Apache-2.0
"""crosscut as a child process: started, waited for, read line by line, stopped."""
import json
import os
import shutil
import signal
import subprocess
import threading

import topology
from topology import LabError, now_ns, wait_for

READY = (b"crosscut: watching", b"crosscut: recording")
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 5


def binary(path=None):
    """The crosscut binary: given, from $CROSSCUT, beside the lab in a build tree, or on the PATH."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = path or os.environ.get("CROSSCUT") or shutil.which(os.path.join(root, "build", "crosscut")) \
        or shutil.which("crosscut")
    if not found:
        raise LabError("no crosscut binary: build it, or use --crosscut PATH")
    return found


def netns_options(lab, view):
    return [word for role in lab.roles if role.role in view for word in ("--netns", role.netns)]


class Watcher:
    """One crosscut process; `lines` grows by (CLOCK_MONOTONIC at arrival, bytes) while it runs."""

    def __init__(self, args, cwd=None):
        self.args, self.lines, self.errors = args, [], []
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True, cwd=cwd)
        self.watching = threading.Event()
        self.threads = [threading.Thread(target=self.read_out, daemon=True),
                        threading.Thread(target=self.read_err, daemon=True)]
        for thread in self.threads:
            thread.start()

    def read_out(self):
        for line in self.process.stdout:
            self.lines.append((now_ns(), line))

    def read_err(self):
        for line in self.process.stderr:
            self.errors.append(line)
            if line.startswith(READY):
                self.watching.set()

    def wait(self):
        """Until every probe is attached."""
        wait_for(lambda: self.watching.wait(0.02) or self.process.poll() is not None,
                 START_TIMEOUT_S, "crosscut did not say that it is watching", pause=0)
        if not self.watching.is_set():
            raise LabError(f"crosscut ended with {self.process.returncode}: {self.stderr()}")

    def stop(self):
        """SIGINT, so that it flushes; SIGKILL if it does not obey. Its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_TIMEOUT_S * topology.slow)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(STOP_TIMEOUT_S)
        return self.process.returncode

    def stderr(self):
        return b"".join(self.errors).decode("utf-8", "replace").strip()

    def stdout(self):
        return b"".join(line for _, line in self.lines).decode("utf-8", "replace")

    def findings(self):
        """The JSON lines as dicts, each with `arrival_ns` beside the product's own keys."""
        return [dict(json.loads(line), arrival_ns=at) for at, line in list(self.lines) if line.strip()]
