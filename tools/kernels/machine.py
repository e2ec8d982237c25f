# SPDX-License-Identifier: Apache-2.0
"""A machine under qemu (TCG: no KVM needed) whose root is this machine's, read-only under a tmpfs.

What is installed here is installed there, and nothing it does can be seen here. The kernel is about
20 times slower than the host's: good for function, not for speed.
"""
import contextlib
import lzma
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
VIRTIOFSD = pathlib.Path("/usr/lib/qemu/virtiofsd")  # part of qemu-system-common to QEMU 7.2
MODULES = ["virtio_pci", "virtio_console", "virtiofs", "overlay"]  # what it takes to mount the root
FILE, DIRECTORY = 0o100755, 0o040755


class CannotBoot(Exception):
    """This machine cannot run the guest, or the guest never reached its command."""


def missing_tools():
    """Programs that are not installed (packages: tools/deps.sh kernels)."""
    tools = ["qemu-system-x86_64", "busybox", "modprobe", "setpriv"]
    return [t for t in tools if not shutil.which(t)] + [str(p) for p in [VIRTIOFSD] if not p.exists()]


# ---- the initial root -----------------------------------------------------------------------------

def cpio(entries):
    """A newc archive (Documentation/driver-api/early-userspace/buffer-format.rst) of (name, mode, bytes)."""
    out = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")]):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4)
        out += data
        out += bytes(-len(out) % 4)
    return bytes(out)


def plain_module(path):
    """A module's bytes, decompressed."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True, timeout=60).stdout
    return path.read_bytes()


def module_files(kernel):
    """The files of MODULES and what they need, in the order of loading."""
    base = kernel.modules.parents[2]
    paths = []
    for module in MODULES:
        done = subprocess.run(["modprobe", "-d", base, "-S", kernel.release, "--show-depends", module],
                              capture_output=True, text=True, check=False, timeout=60)
        for line in done.stdout.splitlines():
            if line.startswith("insmod ") and line.split()[1] not in paths:
                paths.append(line.split()[1])
    return [pathlib.Path(p) for p in paths]


def initrd(kernel, job):
    """The initial root: busybox, the modules, init and the job."""
    entries = [(d, DIRECTORY, b"") for d in ("bin", "modules", "proc", "sys", "dev", "host", "scratch", "new")]
    entries += [("bin/busybox", FILE, pathlib.Path(shutil.which("busybox")).read_bytes()),
                ("init", FILE, (HERE / "init").read_bytes()), ("job", FILE, job.encode())]
    entries += [(f"modules/{number:02d}.ko", FILE, plain_module(path))
                for number, path in enumerate(module_files(kernel))]
    return cpio(entries)


# ---- running it -------------------------------------------------------------------------------------

def bound(args):
    """The command, made to end with this process."""
    return ["setpriv", "--pdeathsig", "KILL", *map(str, args)]


@contextlib.contextmanager
def shared_root(place):
    """virtiofsd with this machine's root; the path of its socket."""
    socket = place / "root.sock"
    with open(place / "virtiofsd.log", "wb") as log:
        process = subprocess.Popen(bound([VIRTIOFSD, f"--socket-path={socket}", "-o", "source=/",
                                          "-o", "cache=always", "-o", "sandbox=chroot", "-o", "xattr"]),
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 10
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise CannotBoot(f"virtiofsd: {(place / 'virtiofsd.log').read_text(errors='replace').strip()}")
            time.sleep(0.02)
        yield socket
    finally:
        process.kill()
        process.wait()


def qemu_args(kernel, place, memory_mb):
    """qemu 7.2 under TCG crashes newer kernels now and then with two CPUs or with cmpxchg16b: one, without."""
    return ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max,cx16=off", "-smp", "1",
            "-m", memory_mb, "-nographic", "-nodefaults", "-no-user-config", "-no-reboot",
            "-object", f"memory-backend-memfd,id=mem,size={memory_mb}M,share=on",
            "-machine", "pc,memory-backend=mem", "-kernel", kernel.image, "-initrd", place / "initrd",
            "-append", "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off",
            "-serial", f"file:{place / 'console'}", "-device", "virtio-rng-pci",
            "-chardev", f"socket,id=root,path={place / 'root.sock'}",
            "-device", "vhost-user-fs-pci,chardev=root,tag=host,queue-size=1024",
            "-device", "virtio-serial-pci",
            "-chardev", "file,id=output,path=/dev/stdout", "-device", "virtserialport,chardev=output,name=output",
            "-chardev", f"file,id=status,path={place / 'status'}",
            "-device", "virtserialport,chardev=status,name=status"]


def run(kernel, command, seconds=300, memory_mb=1024, on_line=print):
    """Run the command (a list) in the guest, as root; its exit status. `on_line` gets each line it writes."""
    missing = missing_tools()
    if missing:
        raise CannotBoot(f"not installed: {', '.join(missing)} (tools/deps.sh kernels)")
    job = (f"MODULES={shlex.quote(str(kernel.modules))}\n. {shlex.quote(str(HERE / 'guest.sh'))}\n"
           f"cd {shlex.quote(str(pathlib.Path.cwd()))}\nrun_and_halt {shlex.join(map(str, command))}\n")
    with tempfile.TemporaryDirectory(prefix="crosscut-kernel-") as name:
        place = pathlib.Path(name)
        (place / "initrd").write_bytes(initrd(kernel, job))
        with shared_root(place):
            process = subprocess.Popen(bound(qemu_args(kernel, place, memory_mb)), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE)
            clock = threading.Timer(seconds, process.kill)
            clock.start()
            try:
                for line in process.stdout:
                    on_line(line.decode("utf-8", "replace").rstrip("\n"))
            finally:
                clock.cancel()
                process.kill()
                process.wait()
        status = place / "status"
        text = status.read_text(encoding="ascii").strip() if status.exists() else ""
        if text.isdigit():
            return int(text)
        console = (place / "console").read_text(encoding="utf-8", errors="replace").splitlines()
        raise CannotBoot(f"{kernel.release} did not finish in {seconds} s; its console ends with:\n"
                         + "\n".join(console[-15:]))
