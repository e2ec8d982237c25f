# SPDX-License-Identifier: Apache-2.0
"""The test bed: a network namespace of its own with nginx in it, and wrk to load it.

Server, load and whoever watches share one CPU, so that nothing anybody does is hidden on an idle one: every
nanosecond spent is missing from the throughput.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "lab"))

from topology import LabError, command, wait_for  # noqa: E402

PORT = 8080
CONNECTIONS = 16
START_S, STOP_S = 20, 10
MODES = {"keep-alive": [], "connection per request": ["-H", "Connection: close"]}
PIPELINED = "pipelined by 16"
LOADS = MODES | {PIPELINED: ["--", "16"]}
NGINX = """
daemon off; master_process off; pid {dir}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "hello\\n"; }} }}
}}
"""


@dataclass
class Run:
    """One load, measured."""
    requests: int
    seconds: float
    p99_us: float
    connections: int
    cpu_ns: int  # of server and load

    @property
    def rate(self):
        return self.requests / self.seconds


def cpu_ns(pid):
    """CPU time of a process, all threads, from the scheduler itself (no ticks)."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def busy_ns():
    """CPU time of the whole machine that was not idle, stolen time included."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def tool(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise LabError(f"no {name}: run `make deps`")
    return found


def pinned(cpu, args):
    return [tool("taskset"), "-c", str(cpu), *args]


def stop(process):
    """SIGINT, then SIGKILL. Exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Bed:
    def __init__(self, cpu):
        self.cpu = cpu
        digest = hashlib.sha256(f"{os.getpid()} {time.monotonic_ns()}".encode()).hexdigest()
        self.netns = f"xc-{digest[:8]}-bench"
        self.made = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as made:
            self.dir = pathlib.Path(made.enter_context(tempfile.TemporaryDirectory(prefix="xc-bench-")))
            made.callback(command, ["ip", "netns", "del", self.netns], check=False)
            command(["ip", "netns", "add", self.netns])
            command(["ip", "-n", self.netns, "link", "set", "lo", "up"])
            # Loads of short connections must not run out of ports while the old ones are in TIME_WAIT.
            self.call("sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535", "net.core.somaxconn=4096")
            self.nginx = self.start_nginx()
            made.callback(stop, self.nginx)
            wait_for(self.listens, START_S, "nginx does not listen")
            self.made = made.pop_all()
        return self

    def __exit__(self, *why):
        self.made.close()

    def inside(self, args):
        return [tool("ip"), "netns", "exec", self.netns, *args]

    def call(self, *args):
        return command(self.inside(args))

    def built(self, name):
        """Path of a C program of this directory, compiled."""
        program = self.dir / name
        if not program.exists():
            command(["gcc", "-O2", "-D_GNU_SOURCE", str(HERE / f"{name}.c"), "-o", str(program)])
        return str(program)

    def other_cpu(self):
        """One that server and load do not use, where there is one."""
        return next((c for c in sorted(os.sched_getaffinity(0)) if c != self.cpu), self.cpu)

    def start_nginx(self):
        config = self.dir / "nginx.conf"
        config.write_text(NGINX.format(dir=self.dir, port=PORT))
        return subprocess.Popen(self.inside(pinned(self.cpu, [tool("nginx"), "-c", str(config)])),
                                stdin=subprocess.DEVNULL)

    def listens(self):
        if self.nginx.poll() is not None:
            raise LabError(f"nginx ended with {self.nginx.returncode}")
        # state 0A is LISTEN (include/net/tcp_states.h)
        return re.search(rf":{PORT:04X} \S+ 0A ", pathlib.Path(f"/proc/{self.nginx.pid}/net/tcp").read_text())

    def opened(self):
        """Connections opened in the namespace so far: column ActiveOpens."""
        lines = pathlib.Path(f"/proc/{self.nginx.pid}/net/snmp").read_text().splitlines()
        names, values = (line.split() for line in lines if line.startswith("Tcp:"))
        return int(values[names.index("ActiveOpens")])

    def load(self, mode, seconds):
        """Load the server once and measure."""
        args = [tool("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "done.lua"),
                f"http://127.0.0.1:{PORT}/", *LOADS[mode]]
        opened, spent = self.opened(), cpu_ns(self.nginx.pid)
        wrk = subprocess.Popen(self.inside(pinned(self.cpu, args)), stdout=subprocess.PIPE, text=True)
        said = wrk.stdout.read()
        _, status, usage = os.wait4(wrk.pid, 0)
        wrk.returncode = os.waitstatus_to_exitcode(status)
        wrk.stdout.close()
        if wrk.returncode:
            raise LabError(f"wrk ended with {wrk.returncode}: {said}")
        told = json.loads(said.splitlines()[-1])
        if told["errors"] or not told["requests"]:
            raise LabError(f"the load is not healthy: {told}")
        wrk_ns = int((usage.ru_utime + usage.ru_stime) * 1e9)
        return Run(told["requests"], told["us"] / 1e6, told["p99_us"], self.opened() - opened,
                   cpu_ns(self.nginx.pid) - spent + wrk_ns)
