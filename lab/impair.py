# SPDX-License-Identifier: Apache-2.0
"""What the scenarios of faults/ do to a host or to the path, and the kernel's own word that it acts.

Everything here is taken back when the lab closes, whatever happens before.
"""
import contextlib
import os
import pathlib
import re
import shutil
import tempfile

import disks
import loads
import peers
import steps

PERIOD_US = 100000  # of CPU bandwidth control, the kernel's default
CACHE_BYTES = 32 << 20


def witness(read, what):
    """Ask the kernel's counter `read` now; the function returned tells by how much it has moved: (text, did it)."""
    before = read()

    def told():
        moved = read() - before
        return f"{moved:g} {what}", moved > 0
    return told


def counted(role, table, name, what):
    return witness(lambda: steps.counter(role, table, name), what)


def background(lab):
    """A few healthy connections to another port of the server, and some that come and go."""
    for client, args in ((loads.chats, (2, 0.1)), (loads.visits, (3,))):
        flow = lab.flow()
        lab.server.start(loads.serve_with, flow, peers.echo, comm="bystander")
        lab.client.start(client, flow, *args, comm="bystander")


def acknowledging(role, gateway):
    """The host answers every segment at once. Delayed acknowledgements, 40 ms after some segments and none after
    others, would make the latency jump for a reason that is not the fault."""
    role.ip_cmd([f"route change default via {gateway} quickack 1"])


def unmerged(role):
    """The host sends each segment as a packet of its own, so that what happens to packets happens to segments."""
    role.ip_cmd(["link set eth0 gso_max_segs 1"])


# ---- the path -----------------------------------------------------------------------------------

@contextlib.contextmanager
def lossy(lab, flow, percent):
    """The router drops `percent` of the packets to the flow's server."""
    lab.router.nft(steps.chain(lab, "forward", [f"{flow.proto} dport {flow.port} "
                                                f"numgen random mod 100 < {percent} drop"]))
    try:
        yield
    finally:
        lab.router.sh("nft flush ruleset")


@contextlib.contextmanager
def delayed(lab, flow, shares):
    """What goes to the flow's server makes a detour through loads.relay at the router, which explains `shares`."""
    device, rule = f"late{flow.port}", f"iif lan0 ipproto {flow.proto} dport {flow.port} lookup 77"
    relay = lab.router.start(loads.relay, device, shares)
    lab.router.ip_cmd([f"link set {device} up", f"route add default dev {device} table 77", f"rule add {rule}"])
    try:
        yield
    finally:
        lab.router.ip_cmd([f"rule del {rule}"])
        relay.stop()


# ---- the host -----------------------------------------------------------------------------------

def cpu_cgroup(lab):
    """A cgroup without a quota yet; LabError where the cpu controller is not to be had."""
    return steps.controlled(lab, "cpu")


@contextlib.contextmanager
def throttled(group, percent):
    """The cgroup's processes together get `percent` of one CPU."""
    quota = PERIOD_US * percent // 100
    file, text, free = ((group / "cpu.max", f"{quota} {PERIOD_US}", "max") if (group / "cpu.max").exists() else
                        (group / "cpu.cfs_quota_us", str(quota), "-1"))
    file.write_text(text, encoding="ascii")
    try:
        yield
    finally:
        file.write_text(free, encoding="ascii")


def throttle_count(group):
    """Periods in which the cgroup was stopped, since it exists."""
    lines = (group / "cpu.stat").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("nr_throttled "))


def disk_directory(lab):
    """A directory of the lab on a real disk; gone with the lab."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"xc-{lab.id}-", dir="/var/tmp"))
    lab.undo.append(lambda: shutil.rmtree(path))
    return path


def queue_ms(path):
    """Milliseconds requests to the disk of `path` have waited or been served, all added up, since boot."""
    return disks.queued_ms()[os.major(path.stat().st_dev), os.minor(path.stat().st_dev)]


def pressure(field):
    """A field of the line 'some' of /proc/pressure/memory."""
    text = pathlib.Path("/proc/pressure/memory").read_text(encoding="ascii")
    return float(text.split(f"{field}=")[1].split()[0])


def memory_stalls():
    """Microseconds in which some process waited for memory, since boot."""
    return pressure("total")


def memory_pressure():
    """Percent of the last 10 s, smoothed; the kernel reckons every 2 s."""
    return pressure("avg10")


def memory_hog(lab, group, size):
    """A process in the memory cgroup that keeps its use at `size` bytes and wants more for its files."""
    cache = disk_directory(lab) / "cache"
    cache.write_bytes(b"c" * CACHE_BYTES)
    used = next((group / name for name in ("memory.usage_in_bytes", "memory.current") if (group / name).exists()), None)
    return lab.server.start(peers.in_cgroup, group, loads.eat_memory,
                            size - int(used.read_text(encoding="ascii")), str(cache))


# ---- reading sockets ------------------------------------------------------------------------------

def rtt_deviation(role, flow):
    """The largest rttvar among the sockets of the flow, in ms."""
    text = role.sh(f"ss -Htin sport = :{flow.port} or dport = :{flow.port}")
    return max((float(v) for v in re.findall(r"rtt:[\d.]+/([\d.]+)", text)), default=0.0)
