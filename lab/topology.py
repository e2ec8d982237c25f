# SPDX-License-Identifier: Apache-2.0
"""Client - router - server in three network namespaces: made, used and always removed again.

Names are `xc-<8 hex of a hash>-{c,r,s}` (and `-n` for a spare host), so runs do not meet one another.
A file under STATE_DIR says who owns them and what outside them must be put back if the owner is killed.
"""
import contextlib
import ctypes
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass

STATE_DIR = pathlib.Path("/run/crosscut-lab")
NETNS_DIR = pathlib.Path("/run/netns")
CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
PR_SET_PDEATHSIG = 1       # include/uapi/linux/prctl.h
SUFFIX = {"client": "c", "router": "r", "server": "s", "spare": "n"}
NAME = re.compile(r"^xc-[0-9a-f]{8}-[crsn]$")

libc = ctypes.CDLL(None, use_errno=True)
slow = 1.0  # limits of the lab itself are stretched by this: an emulated machine is slow


class LabError(Exception):
    """The laboratory itself failed; nothing is said about the fault."""


def now_ns():
    """CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns()."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def setns(fd):
    # os.setns() is Python 3.12; Debian 12 has 3.11.
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def command(args, check=True, text=None, **popen):
    """Run a command (list, or one string split at blanks); its output as text."""
    args = args.split() if isinstance(args, str) else args
    done = subprocess.run(args, input=text, capture_output=True, text=True, timeout=20 * slow, **popen)
    if check and done.returncode:
        raise LabError(f"{' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_for(question, timeout, what, pause=0.01):
    """Ask until the answer is true; the answer. LabError after `timeout` seconds."""
    until = time.monotonic() + timeout * slow
    while not (answer := question()):
        if time.monotonic() > until:
            raise LabError(f"timeout after {timeout} s: {what}")
        time.sleep(pause)
    return answer


@dataclass(frozen=True)
class Flow:
    """What the judge looks at: one server port, seen from one client (None: any client)."""
    client: str | None
    server: str
    port: int
    proto: str = "tcp"

    @property
    def family(self):
        return 6 if ":" in self.server else 4

    @property
    def socket_family(self):
        return socket.AF_INET6 if self.family == 6 else socket.AF_INET


class Wire:
    """JSON messages over one end of a socket pair."""

    def __init__(self, sock):
        self.sock = sock

    def send(self, kind, value=None):
        self.sock.send(json.dumps([kind, value]).encode())

    def recv(self, timeout):
        """The next [kind, value], or None when the other end is gone. LabError after `timeout` s."""
        if not select.select([self.sock], [], [], timeout * slow)[0]:
            raise LabError(f"timeout after {timeout} s: no message")
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        return json.loads(data) if data else None


class Control(Wire):
    """The child's end: what a peer function gets as its first argument."""

    def ready(self, value=None):
        self.send("ready", value)

    def await_go(self, timeout=30):
        """Wait until the scenario says go; the value it passed."""
        message = self.recv(timeout)
        if message is None:
            os._exit(1)
        return message[1]


class Child:
    """A Python function running in a role as a process of its own."""

    def __init__(self, pid, wire, name):
        self.pid, self.wire, self.name = pid, wire, name
        self.reaped = False

    def expect(self, kind, timeout):
        message = self.wire.recv(timeout)
        if message is None:
            raise LabError(f"{self.name}: ended before it said {kind}")
        if message[0] == "error":
            raise LabError(f"{self.name}: {message[1]}")
        if message[0] != kind:
            raise LabError(f"{self.name}: said {message[0]}, not {kind}")
        return message[1]

    def ready(self, timeout=5):
        """Wait until the function calls ctl.ready(); the value it passed."""
        return self.expect("ready", timeout)

    def go(self, value=None):
        self.wire.send("go", value)

    def result(self, timeout=30):
        """Wait for the function's return value."""
        value = self.expect("result", timeout)
        self.reap()
        return value

    def kill(self, sig=signal.SIGKILL):
        if not self.reaped:
            os.kill(self.pid, sig)

    def reap(self):
        """Wait for its end; the wait status, or None when it was reaped before."""
        if self.reaped:
            return None
        self.reaped = True
        status = os.waitpid(self.pid, 0)[1]
        self.wire.sock.close()
        return status

    def stop(self):
        self.kill()
        self.reap()


class Role:
    """One host of the lab."""

    def __init__(self, lab, role):
        self.lab, self.role = lab, role
        self.netns = f"xc-{lab.id}-{SUFFIX[role]}"
        self.ip = self.ip6 = None

    @contextlib.contextmanager
    def entered(self):
        """This thread (and what it starts) in the role's network namespace.

        Not `ip netns exec`: that remounts /sys and so hides the cgroup trees.
        """
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(NETNS_DIR / self.netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(there)
            yield
        finally:
            setns(home)
            os.close(home)
            os.close(there)

    def sh(self, args, check=True, text=None):
        """Run a command here; its output."""
        with self.entered():
            return command(args, check, text)

    def ip_cmd(self, lines):
        """Run the lines of an `ip` batch here."""
        command(["ip", "-n", self.netns, "-batch", "-"], text="\n".join(lines) + "\n")

    def nft(self, text):
        # Each rule on its own line: nft 1.0 refuses some one-line forms.
        self.sh(["nft", "-f", "-"], text=text)

    def sysctl(self, **settings):
        """Set sysctls below net/ here; `__` in a name stands for `/`."""
        with self.entered():
            for key, value in settings.items():
                path = pathlib.Path("/proc/sys/net", key.replace("__", "/"))
                path.write_text(f"{value}\n", encoding="ascii")

    def proc_net(self, name):
        """The text of /proc/net/NAME as seen here."""
        with self.entered():
            return pathlib.Path("/proc/thread-self/net", name).read_text(encoding="ascii")

    def start(self, function, *args, comm=None, wait=True, **kwargs):
        """Run function(ctl, *args, **kwargs) here as a child called `comm`; wait for its ctl.ready()."""
        comm = comm or f"{self.role}-app"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with self.lab.signals_held():
            with self.entered():
                pid = os.fork()
                if pid == 0:
                    run_child(Control(theirs), comm, self.lab.lifetime_s, function, args, kwargs)
            child = Child(pid, Wire(ours), f"{comm} ({function.__name__})")
            self.lab.children.append(child)
        theirs.close()
        if wait:
            child.ready()
        return child

    def spawn(self, args, **popen):
        """Start a real program here, in a session of its own; it ends with the lab."""
        # setpriv: should the lab be killed, the program dies with it.
        with self.lab.signals_held():
            with self.entered():
                process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *args],
                                           stdin=subprocess.DEVNULL, start_new_session=True, **popen)
            self.lab.undo.append(lambda: end_session(process))
        return process

    def wait_listening(self, port, proto="t"):
        """Wait until something listens on the port (proto: 't' or 'u')."""
        wait_for(lambda: self.sh(f"ss -Hln{proto} sport = :{port}"), 5, f"a server on port {port}", 0.02)

    def call(self, function, *args, comm=None, limit=20, **kwargs):
        """Run function(ctl, ...) here to its end; its value. `limit` seconds at most."""
        return self.start(function, *args, comm=comm, wait=False, **kwargs).result(limit)


def run_child(ctl, comm, lifetime_s, function, args, kwargs):
    """The life of a child process; never returns."""
    status = 1
    try:
        # The lab may be killed at any time: no child outlives it, and none lives for ever.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, signal.SIG_DFL)
        signal.alarm(lifetime_s)
        pathlib.Path("/proc/self/comm").write_text(comm[:15], encoding="ascii")
        ctl.send("result", function(ctl, *args, **kwargs))
        status = 0
    except BrokenPipeError:
        pass  # the lab has given up on this child
    except BaseException:  # the only way out is _exit: nothing of the parent may run twice
        with contextlib.suppress(OSError):
            ctl.send("error", traceback.format_exc(limit=-3))
    finally:
        os._exit(status)


class Lab:
    """The three hosts. Use as a context manager: what it made is removed however the block ends."""

    def __init__(self, name, seed=None, spare=False, alone=False, lifetime_s=60):
        self.name, self.seed, self.lifetime_s = name, seed, int(lifetime_s * slow)
        self.id = hashlib.sha256(name.encode()).hexdigest()[:8]
        self.rng = random.Random(f"{name if seed is None else seed}")
        self.alone, self.children, self.undo = alone, [], []
        self.state = {"name": name, "pid": os.getpid(), "start": start_time(os.getpid()),
                      "restore": {}, "rmdir": [], "umount": []}
        self.trigger_ns, self.before_trigger, self.lock = None, None, None
        self.old_signals, self.is_holding, self.held_signal = {}, False, None
        self.client, self.router, self.server = (Role(self, r) for r in ("client", "router", "server"))
        self.roles = [self.client, self.router, self.server]
        self.spare = Role(self, "spare") if spare else None
        if spare:
            self.roles.append(self.spare)

    def __enter__(self):
        self.catch_signals()
        try:
            self.take_lock()
            self.save_state()
            self.build()
            self.warm()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def catch_signals(self):
        """SIGINT and SIGTERM become SystemExit, so that `finally` and `with` do their work."""
        def leave(number, _frame):
            if self.is_holding:
                self.held_signal = number
            else:
                raise SystemExit(128 + number)
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # not the main thread: the caller's business
                self.old_signals[number] = signal.signal(number, leave)

    @contextlib.contextmanager
    def signals_held(self):
        """SIGINT and SIGTERM wait until the block is through: what it starts is known by then, and will be ended."""
        self.is_holding = True
        try:
            yield
        finally:
            self.is_holding = False
        if self.held_signal:
            raise SystemExit(128 + self.held_signal)

    def take_lock(self):
        """Shared among ordinary runs, exclusive for faults that touch the whole machine."""
        STATE_DIR.mkdir(mode=0o755, exist_ok=True)
        mode = fcntl.LOCK_EX if self.alone else fcntl.LOCK_SH
        # Who waits holds the gate, so that a stream of shared runs does not starve an exclusive one.
        with open(STATE_DIR / "gate", "w", encoding="ascii") as gate:
            self.lock = open(STATE_DIR / "lock", "w", encoding="ascii")
            for file, kind in ((gate, fcntl.LOCK_EX), (self.lock, mode)):
                wait_for(functools.partial(try_lock, file, kind), 300, "the lab's lock", pause=0.05)

    def state_file(self):
        return STATE_DIR / f"{self.id}.json"

    def save_state(self):
        self.state_file().write_text(json.dumps(self.state), encoding="utf-8")

    def build(self):
        a, b = self.rng.randrange(64, 128), self.rng.randrange(0, 200)
        self.net = [f"10.{a}.{b + 1}", f"10.{a}.{b + 2}"]
        self.net6 = [f"fd{a:02x}:{b + 1:x}:{i}:" for i in (1, 2)]
        hosts = [self.rng.randrange(2, 90) for _ in range(2)]
        self.client.ip, self.server.ip = (f"{n}.{h}" for n, h in zip(self.net, hosts))
        self.client.ip6, self.server.ip6 = (f"{n}:{h}" for n, h in zip(self.net6, hosts))
        self.client.gw, self.server.gw = (f"{n}.1" for n in self.net)
        self.client.gw6, self.server.gw6 = (f"{n}:1" for n in self.net6)
        command("ip -batch -", text="".join(f"netns add {r.netns}\n" for r in self.roles))
        for role in self.roles:
            # Before the links exist: link-local addresses are usable at once only without DAD.
            role.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0,
                        ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0,
                        ipv6__conf__default__accept_ra=0)
            role.ip_cmd(["link set lo up"])
        self.router.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        for role, port in ((self.client, "lan0"), (self.server, "lan1")):
            command(f"ip link add eth0 netns {role.netns} type veth peer name {port}"
                    f" netns {self.router.netns}")
            self.router.ip_cmd([f"addr add {role.gw}/24 dev {port}",
                                f"addr add {role.gw6}/64 dev {port} nodad", f"link set {port} up"])
            self.configure_host(role, role)

    def configure_host(self, role, like):
        """Give the host `role` the addresses and routes of `like` (its eth0 must be there)."""
        role.ip_cmd([f"addr add {like.ip}/24 dev eth0", f"addr add {like.ip6}/64 dev eth0 nodad",
                     "link set eth0 up",
                     f"route add default via {like.gw}", f"route add ::/0 via {like.gw6}"])

    def warm(self):
        """One ping per family: every neighbour cache on the way is filled before the run."""
        for target in (self.server.ip, self.server.ip6):
            self.client.sh(f"ping -n -c 1 -W {3 * slow:.0f} {target}")

    def links_up(self):
        """Wait until every interface is up for the kernel as well: linkwatch takes up to a second."""
        for role in self.roles:
            wait_for(lambda: " DOWN " not in role.sh("ip -br link") and
                     "LOWERLAYERDOWN" not in role.sh("ip -br link"), 5, f"links of {role.role}", 0.05)

    def close(self):
        """Undo everything; called once or more, also on a half-built lab."""
        for number in self.old_signals:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not stop the cleaning
        for child in self.children:
            child.stop()
        self.children.clear()
        while self.undo:
            attempt(self.undo.pop())
        for role in self.roles:
            if (NETNS_DIR / role.netns).exists():
                # An orphan that retransmits its FIN keeps a deleted namespace alive for minutes.
                attempt(role.sysctl, ipv4__tcp_orphan_retries=1)
        tidy(self.id, self.state)
        if self.lock:
            self.lock.close()
        for number, handler in self.old_signals.items():
            signal.signal(number, handler)
        self.old_signals.clear()

    def trigger(self):
        """Called by a scenario when its fault is active, just before the application is hit."""
        if self.before_trigger:
            self.before_trigger()
        self.trigger_ns = now_ns()

    def flow(self, family=4, proto="tcp", server=None, client=None, port=None):
        """A flow from the client to the server, on a random port unless given."""
        ip6 = family == 6
        return Flow(client or (self.client.ip6 if ip6 else self.client.ip),
                    server or (self.server.ip6 if ip6 else self.server.ip), port or self.port(), proto)

    def port(self):
        """A random port below the ephemeral range."""
        return self.rng.randrange(2000, 30000)

    def patience(self, low=1.4, high=2.2):
        """How long the application waits, in seconds."""
        return round(self.rng.uniform(low, high), 3)

    def absent(self, network, family=4):
        """An address nobody has on the client's (0) or the server's (1) network."""
        host = self.rng.randrange(100, 250)
        return f"{self.net6[network]}:{host}" if family == 6 else f"{self.net[network]}.{host}"

    def set_machine(self, path, value):
        """Write a setting of the whole machine; the old value comes back whatever happens."""
        path = pathlib.Path(path)
        self.state["restore"][str(path)] = path.read_text(encoding="ascii").strip()
        self.save_state()
        path.write_text(f"{value}\n", encoding="ascii")

    @contextlib.contextmanager
    def bpffs(self):
        """A BPF file system of our own for the block's time: the usual one need not be mounted."""
        path = STATE_DIR / f"{self.id}.bpf"
        path.mkdir(exist_ok=True)
        self.state["umount"].append(str(path))
        self.save_state()
        command(f"mount -t bpf none {path}")
        try:
            yield path
        finally:
            unmount(self.state["umount"].pop())

    def cgroup(self, version):
        """A fresh cgroup of hierarchy 'v2' or of a v1 controller such as 'memory'; its path."""
        path = cgroup_root(version) / f"xc-{self.id}"
        self.state["rmdir"].append(str(path))
        self.save_state()
        path.mkdir(exist_ok=True)
        return path


def make(name, truth, seed, **kwargs):
    """The lab for one run of a scenario with this TRUTH."""
    return Lab(f"{name}-{os.getpid()}", seed=f"{name}/{seed}", spare="spare" in truth["view"],
               alone=truth.get("alone", False), **kwargs)


def cgroup_root(version):
    """Where the v2 tree ('v2') or a v1 controller is mounted; LabError when it is not."""
    for line in pathlib.Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, where, kind, options = line.split()[:4]
        if kind == "cgroup2" if version == "v2" else \
                kind == "cgroup" and version in options.split(","):
            return pathlib.Path(where)
    raise LabError(f"cgroup hierarchy {version} is not mounted")


def try_lock(file, mode):
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def attempt(function, *args, **kwargs):
    """Call, and say on stderr when it failed: clean-up goes on with the next thing."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        print(f"lab: clean-up: {error}", file=sys.stderr)
        return None


def start_time(pid):
    """Start time of a process in clock ticks (with the pid it is unique), or None."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rsplit(")", 1)[1].split()[19]  # field 22 of proc(5)


def remove_cgroup(path):
    """Remove a cgroup once its processes (killed before) are really gone."""
    def gone():
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True
    wait_for(gone, 5, f"rmdir {path}")


def end_session(process):
    """Kill a program started with start_new_session, and its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def unmount(path):
    command(f"umount {path}")
    os.rmdir(path)


def tidy(lab_id, state):
    """Remove what a lab of this id left outside its processes, and its state file last."""
    for path, value in state.get("restore", {}).items():
        attempt(pathlib.Path(path).write_text, value + "\n")
    for path in state.get("umount", []):
        attempt(unmount, path)
    for path in state.get("rmdir", []):
        attempt(remove_cgroup, path)
    for suffix in SUFFIX.values():
        netns = f"xc-{lab_id}-{suffix}"
        if (NETNS_DIR / netns).exists():
            attempt(command, f"ip netns del {netns}")
    (STATE_DIR / f"{lab_id}.json").unlink(missing_ok=True)


def clean():
    """Remove what killed labs left behind; living labs are not touched. The names removed."""
    removed = []
    for file in sorted(STATE_DIR.glob("*.json")):
        try:
            state = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            state = {}
        if state.get("start") and start_time(state.get("pid")) == state["start"]:
            continue
        tidy(file.stem, state)
        removed.append(state.get("name", file.stem))
    return removed


def main(args):
    if len(args) == 2 and args[0] == "--cleanup":
        lab_id = hashlib.sha256(args[1].encode()).hexdigest()[:8]
        file = STATE_DIR / f"{lab_id}.json"
        tidy(lab_id, json.loads(file.read_text(encoding="utf-8")) if file.exists() else {})
        return 0
    if len(args) == 2 and args[0] == "--hold":
        with Lab(args[1]) as lab:
            print("\n".join(r.netns for r in lab.roles), "ready", sep="\n", flush=True)
            signal.pause()
    print("usage: topology.py --cleanup NAME | --hold NAME", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
