# SPDX-License-Identifier: Apache-2.0
"""Steps several scenarios share. Every random choice comes from lab.rng: a seed repeats a run."""
import functools
import pathlib

import peers
from scenes import load
from topology import Flow, LabError, cgroup_root, wait_for

WORDS = "edge guard basic site fw rules base main zone perimeter".split()


def dial(lab, flow, timeout=None, **kwargs):
    """Trigger: the client connects once; (what it saw, the flow)."""
    lab.trigger()
    return lab.client.call(peers.connect, flow, timeout or lab.patience(), **kwargs), [flow]


def serve_and_dial(lab, flow, **kwargs):
    """As dial(), with a server that would answer if it could be reached."""
    lab.server.start(peers.serve, flow)
    return dial(lab, flow, ask=lab.rng.randrange(20, 900), **kwargs)


def connected(lab, flow, then, timeout=None, serve=peers.serve, **kwargs):
    """A client with an open, idle connection, waiting for 'go'."""
    lab.server.start(serve, flow)
    return lab.client.start(peers.session, flow, timeout or lab.patience(), then=then, **kwargs)


def finish(lab, client, flow, go=None):
    """Trigger: let a connected client go on; (what it saw, the flow)."""
    lab.trigger()
    client.go(go)
    return client.result(), [flow]


def over_ipv6(path, **truth):
    """TRUTH and run of the scenario that `path` (NAME_v6.py) is the IPv6 twin of; `truth` differs."""
    twin = load(pathlib.Path(path).stem.removesuffix("_v6").replace("_", "-"))
    return dict(twin.TRUTH, **truth), functools.partial(twin.run, family=6)


def hit_by(lab, act, *args, family=4):
    """A server that takes one request and then does peers.ACTS[act] to it."""
    flow = lab.flow(family)
    lab.server.start(peers.one_shot, flow, act, *args)
    return dial(lab, flow, ask=lab.rng.randrange(20, 900))


def uploading(lab, total, timeout, **kwargs):
    """A client connected to a server that reads; on 'go' it uploads. (client, flow)"""
    flow = lab.flow(**kwargs)
    lab.server.start(peers.sink, flow)
    return lab.client.start(peers.upload, flow, total, timeout), flow


def cut_link(lab, flow):
    """A listening server whose end of the link goes down; the router's end loses its carrier."""
    lab.server.start(peers.serve, flow)
    lab.server.ip_cmd(["link set eth0 down"])
    wait_for(lambda: "NO-CARRIER" in lab.router.sh("ip link show lan1"), 3, "no carrier at the router")


def flooded(lab, cookies):
    """A bounded SYN flood from the client's host, then a real client."""
    flow, backlog = lab.flow(), lab.rng.randrange(4, 17)
    lab.server.sysctl(ipv4__tcp_syncookies=cookies)
    # The spoofed hosts never answer and nobody says so. The router is not watched.
    lab.router.sh("ip route add blackhole 198.18.0.0/15")
    lab.server.start(peers.serve, flow, backlog)
    lab.trigger()
    lab.client.call(peers.syn_flood, flow, lab.rng.randrange(40, 120),
                    f"198.18.{lab.rng.randrange(256)}", comm="flooder")
    app = lab.client.call(peers.connect, flow, lab.patience())
    return app, [Flow(None, flow.server, flow.port)]


def controlled(lab, controller):
    """A fresh cgroup under a controller such as 'memory' (v1 or v2)."""
    try:
        return lab.cgroup(controller)
    except LabError:
        (cgroup_root("v2") / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
        return lab.cgroup("v2")


def memory_cgroup(lab, limit):
    """A cgroup whose processes together may use `limit` bytes."""
    group = controlled(lab, "memory")
    name = "memory.max" if (group / "memory.max").exists() else "memory.limit_in_bytes"
    (group / name).write_text(str(limit), encoding="ascii")
    return group


# ---- nftables -----------------------------------------------------------------------------------

def decoys(lab, flow):
    """Zero to three rules that do not concern the flow."""
    ports = [p for p in (22, 443, 8080, 30001, 30002) if p != flow.port]
    lines = [f"{flow.proto} dport {lab.rng.choice(ports)} accept",
             f"{flow.proto} dport {{ {ports[0]}, {ports[1]} }} counter drop",
             "ip saddr 192.0.2.0/24 drop", f"{flow.proto} sport {lab.rng.choice(ports)} counter"]
    return lab.rng.sample(lines, lab.rng.randrange(4))


def match_flow(lab, flow, back=False):
    """A random way of writing 'this flow' (or, `back`, its answers) as a rule's condition."""
    ip = "ip6" if flow.family == 6 else "ip"
    side, address = ("sport", "saddr") if back else ("dport", "daddr")
    return lab.rng.choice([
        f"{flow.proto} {side} {flow.port}",
        f"{ip} {address} {flow.server} {flow.proto} {side} {flow.port}",
        f"{flow.proto} {side} {{ {flow.port}, {flow.port + 1} }}",
        f"{flow.proto} {side} {flow.port - 1}-{flow.port + 1}",
        f"meta l4proto {flow.proto} {ip} {address} {flow.server}"])


def chain(lab, hook, rules, policy="accept", family="inet"):
    """The text of a table with one base chain."""
    table, name = lab.rng.sample(WORDS, 2)
    priority = lab.rng.choice([0, 0, -5, 10])
    return (f"table {family} {table} {{\n\tchain {name} {{\n"
            f"\t\ttype filter hook {hook} priority {priority}; policy {policy};\n"
            + "".join(f"\t\t{rule}\n" for rule in rules) + "\t}\n}\n")


def filter_flow(lab, role, hook, flow, verdict, back=False):
    """Install a rule with `verdict` for the flow, among rules that do not matter."""
    rule = f"{match_flow(lab, flow, back)} {lab.rng.choice(['', 'counter '])}{verdict}"
    if lab.rng.random() < 0.3:
        rule += f' comment "{lab.rng.choice(WORDS)}-{lab.rng.randrange(100)}"'
    rules = decoys(lab, flow) + [rule]
    role.nft(chain(lab, hook, rules))


def filtered(lab, role, hook, verdict, family=4, **kwargs):
    """A listening server, a rule on the way, a client that dials."""
    flow = lab.flow(family)
    filter_flow(lab, role, hook, flow, verdict, **kwargs)
    return serve_and_dial(lab, flow)


def unfound(lab, family, text):
    """A client that dials, while the firewall text(hook) at one end keeps neighbours from finding each other."""
    flow = lab.flow(family)
    lab.server.start(peers.serve, flow)
    lab.rng.choice([lab.client, lab.server]).nft(text(lab.rng.choice(["input", "output"])))
    for role in lab.roles:
        role.sh(f"ip -{family} neigh flush all")
    return dial(lab, flow, timeout=lab.patience(3.8, 4.5))


def translated(lab, real):
    """The router offers `real` under a virtual address and port (DNAT), as a service address does; that flow."""
    virtual = Flow(real.client, "198.18.0.%d" % lab.rng.randrange(1, 255), lab.rng.randrange(7000, 7900))
    lab.router.nft(chain(lab, "prerouting", [f"ip daddr {virtual.server} tcp dport {virtual.port} "
                                             f"dnat to {real.server}:{real.port}"],
                         family="ip").replace("type filter", "type nat"))
    return virtual


def silence(lab, flow, back=False):
    """The router swallows the flow from now on. For scenarios that do not watch the router."""
    ip, address = ("ip6" if flow.family == 6 else "ip"), ("saddr" if back else "daddr")
    lab.router.nft(chain(lab, "forward", [f"{ip} {address} {flow.server} drop"]))


# ---- reading the kernel's own state ---------------------------------------------------------------

def tcp_rows(role, flow):
    """The rows of /proc/net/tcp{,6} that belong to the flow's server port, as lists of fields."""
    port = f":{flow.port:04X}"
    rows = [line.split() for line in role.proc_net("tcp6" if flow.family == 6 else "tcp").splitlines()]
    return [r for r in rows[1:] if r[1].endswith(port) or r[2].endswith(port)]


def wait_retransmits(role, flow, count, timeout):
    """Wait until a socket of the flow has been retransmitting `count` times (field retrnsmt)."""
    return wait_for(lambda: any(int(r[6], 16) >= count for r in tcp_rows(role, flow)), timeout,
                    f"{count} retransmissions", pause=0.02)


def counter(role, table, name):
    """A counter of /proc/net/netstat or snmp in the role's namespace."""
    file = "netstat" if table.endswith("Ext") else "snmp"
    heads = None
    for line in role.proc_net(file).splitlines():
        if line.startswith(f"{table}:"):
            if heads:
                return int(line.split()[heads.index(name)])
            heads = line.split()
    return 0
