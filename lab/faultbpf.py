# SPDX-License-Identifier: Apache-2.0
"""Tiny BPF programs as faults, loaded with the bare bpf() system call: no compiler, no library.

Each program only returns a verdict, so a handful of instructions suffices.
"""
import contextlib
import ctypes
import os
import platform
import resource
import socket
import struct

from topology import LabError, libc

SYS_BPF = {"x86_64": 321, "aarch64": 280}  # asm/unistd.h
PROG_LOAD, OBJ_PIN, LINK_CREATE = 5, 6, 28  # enum bpf_cmd
PROG_TYPE = {"tc": 3, "xdp": 6, "cgroup_skb": 8, "cgroup_connect": 18}  # enum bpf_prog_type
# enum bpf_attach_type
ATTACH_TYPE = {"ingress": 0, "egress": 1, "connect4": 10, "xdp": 37, "tcx_ingress": 46, "tcx_egress": 47}
DROP = {"tc": 2, "xdp": 1, "cgroup_skb": 0, "cgroup_connect": 0}  # TC_ACT_SHOT, XDP_DROP, deny
XDP_FLAGS = {"generic": 2, "native": 4}  # XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)


def mov(reg, value):
    return insn(0xb7, reg, imm=value)


EXIT = insn(0x95)


def program(kind):
    """The instructions: drop everything; at TC only IPv4, so that ARP stays alive."""
    if kind != "tc":
        return mov(0, DROP[kind]) + EXIT
    return (insn(0x61, 2, 1, 16)                   # r2 = skb->protocol (struct __sk_buff, offset 16)
            + mov(0, 0)                            # r0 = TC_ACT_OK
            + insn(0x55, 2, off=1, imm=0x0008)     # if r2 != htons(ETH_P_IP) skip the next
            + mov(0, DROP["tc"]) + EXIT)


def bpf(cmd, attr):
    with contextlib.suppress(ValueError, OSError):  # before 5.11 BPF memory counted as locked memory
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    buffer = ctypes.create_string_buffer(attr, 128)
    fd = libc.syscall(SYS_BPF[platform.machine()], cmd, buffer, len(buffer))
    if fd < 0:
        number = ctypes.get_errno()
        raise LabError(f"bpf({cmd}): {os.strerror(number)}")
    return fd


def load(kind, attach="ingress", name=b"xc_lab_drop"):
    """Load a dropping program; its file descriptor."""
    code = ctypes.create_string_buffer(program(kind))
    text = ctypes.create_string_buffer(b"Dual BSD/GPL")
    attr = struct.pack("<IIQQIIQII16sII", PROG_TYPE[kind], len(program(kind)) // 8,
                       ctypes.addressof(code), ctypes.addressof(text), 0, 0, 0, 0, 0, name, 0,
                       ATTACH_TYPE[attach])
    return bpf(PROG_LOAD, attr)


def link(lab, prog, target, attach, flags=0):
    """Attach to a cgroup (descriptor) or a device (index); the link ends with the lab."""
    fd = bpf(LINK_CREATE, struct.pack("<IIII", prog, target, ATTACH_TYPE[attach], flags))
    lab.undo.append(lambda: os.close(fd))


def attach_cgroup(lab, cgroup, kind, attach):
    """Attach a denying program to a cgroup."""
    with opened(load(kind, attach)) as prog, opened(os.open(cgroup, os.O_RDONLY)) as target:
        link(lab, prog, target, attach)


def attach_xdp(lab, role, device, mode):
    """mode: 'generic' or 'native'."""
    with opened(load("xdp", "xdp")) as prog, role.entered():
        link(lab, prog, socket.if_nametoindex(device), "xdp", XDP_FLAGS[mode])


def attach_tc(lab, role, device, direction):
    """At TC as CNIs do it: by chance as a TCX link (kernel 6.6) or as a clsact filter."""
    with opened(load("tc")) as prog:
        if lab.rng.random() < 0.5:
            with contextlib.suppress(LabError), role.entered():
                return link(lab, prog, socket.if_nametoindex(device), f"tcx_{direction}")
        with lab.bpffs() as directory:
            path = ctypes.create_string_buffer(f"{directory}/drop".encode())
            bpf(OBJ_PIN, struct.pack("<QI", ctypes.addressof(path), prog))
            role.sh(f"tc qdisc add dev {device} clsact")
            role.sh(f"tc filter add dev {device} {direction} bpf da object-pinned {directory}/drop")
    return None


@contextlib.contextmanager
def opened(fd):
    try:
        yield fd
    finally:
        os.close(fd)
