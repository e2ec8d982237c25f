# SPDX-License-Identifier: Apache-2.0
"""Six failures with real servers: what the application said, and what crosscut said about it.

Where BPF is not to be had, recordings of the same kinds of failure are replayed instead.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import lab as laboratory
import peers
import topology
import watch
from topology import LabError, now_ns, wait_for

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ \
    else ("", "", "")
NGINX = """
daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log; user root;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen {listen}; location / {{ return 200 "hello\\n"; }} }} }}
"""


def nginx(lab, listen):
    """A real nginx in the server's namespace; its process."""
    directory = tempfile.mkdtemp(prefix="xc-demo-")
    lab.undo.append(lambda: shutil.rmtree(directory))
    config = os.path.join(directory, "nginx.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(NGINX.format(dir=directory, listen=listen))
    process = lab.server.spawn(["nginx", "-e", f"{directory}/error.log", "-c", config],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.server.wait_listening(int(listen.split()[0].rsplit(":", 1)[-1]))
    return process


def http_server(lab, port):
    lab.server.spawn([sys.executable, "-m", "http.server", str(port)], cwd="/usr/share/doc",
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.server.wait_listening(port)


def curl(address, port, patience=3):
    return ["curl", "-sS", "--max-time", str(patience), f"http://{address}:{port}/"]


# ---- the six: each sets the fault up and returns the client's command ----------------------------

def loopback_only(lab):
    """nginx listens on 127.0.0.1 only"""
    nginx(lab, "127.0.0.1:8080")
    return curl(lab.server.ip, 8080)


def firewall_drop(lab):
    """A router between client and server drops the port (nftables)"""
    http_server(lab, 8000)
    lab.router.nft('table inet site {\n\tchain forward {\n\t\ttype filter hook forward priority 0;\n'
                   '\t\ttcp dport 8000 counter drop comment "block-8000"\n\t}\n}\n')
    return curl(lab.server.ip, 8000)


def firewall_reject(lab):
    """The server's own firewall rejects the port"""
    http_server(lab, 8000)
    lab.server.nft('table inet host {\n\tchain input {\n\t\ttype filter hook input priority 0;\n'
                   '\t\ttcp dport { 22, 80 } accept\n\t\ttcp dport 8000 reject\n\t}\n}\n')
    return curl(lab.server.ip, 8000)


def absent_host(lab):
    """The address belongs to nobody"""
    return curl(lab.absent(0), 8080, patience=5)


def stuck_worker(lab):
    """nginx hangs: its worker no longer accepts and the queue is full"""
    master = nginx(lab, "8080 backlog=2")
    children = f"/proc/{master.pid}/task/{master.pid}/children"
    worker = int(wait_for(lambda: open(children, encoding="ascii").read().split(), 3, "nginx's worker")[0])
    os.kill(worker, signal.SIGSTOP)
    lab.client.start(peers.hold, lab.flow(port=8080), 3, comm="crowd")
    return curl(lab.server.ip, 8080)


def dns_stopped(lab):
    """The DNS server was stopped"""
    dns = lab.server.spawn(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                            "--no-hosts", "--pid-file", "--user=root", "--address=/example.test/192.0.2.7"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.server.wait_listening(53, "u")
    dns.terminate()
    dns.wait()
    return ["dig", "+tries=1", "+time=2", f"@{lab.server.ip}", "example.test"]


SIX = [(loopback_only, ["nginx", "curl"]), (firewall_drop, ["nft", "curl"]),
       (firewall_reject, ["nft", "curl"]), (absent_host, ["curl"]), (stuck_worker, ["nginx", "curl"]),
       (dns_stopped, ["dnsmasq", "dig"])]


def ask(lab, command):
    """Run the client's command: (what it printed, seconds it took, when it began)."""
    begun = now_ns()
    with lab.client.entered():
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines()
             if line and not line.startswith(("; <<>>", "; (", ";; global"))]
    return lines, (now_ns() - begun) / 1e9, begun


def show(number, case, crosscut):
    """One failure as a person would see it; True when crosscut had something to say."""
    print(f"\n{BOLD}-- {number}/{len(SIX)}  {case.__doc__} --{PLAIN}", flush=True)
    with topology.Lab(f"demo-{case.__name__}-{os.getpid()}") as lab:
        def args(lab):
            return laboratory.watcher_args(crosscut, "text", lab, {}, ["client", "router", "server"])
        with laboratory.watched(lab, args) as box:
            command = case(lab)
            lines, seconds, begun = ask(lab, command)
            time.sleep(laboratory.SETTLE_S)
            box[0].stop()
        said = box[0]
    print(f"{DIM}client$ {' '.join(command)}{PLAIN}")
    print("\n".join(lines))
    print(f"{DIM}the application's answer, after {seconds:.3f} s{PLAIN}\n")
    spoken = [at for at, line in said.lines if line.strip()]
    if not spoken:
        print(f"crosscut said nothing.\n{said.stderr()}")
        return False
    print(f"{DIM}$ crosscut why{PLAIN}")
    print(said.stdout().rstrip())
    print(f"{DIM}crosscut's first line, after {(spoken[0] - begun) / 1e9:.3f} s{PLAIN}")
    return True


def live(crosscut):
    silent = []
    for number, (case, tools) in enumerate(SIX, 1):
        missing = [tool for tool in tools if not shutil.which(tool)]
        if missing:
            print(f"\n-- {number}/{len(SIX)}  {case.__doc__} -- skipped: no {', '.join(missing)}"
                  " (`make deps`)")
        elif not show(number, case, crosscut):
            silent.append(case.__doc__)
    return 1 if silent else 0


def replay(crosscut):
    """Without BPF: what crosscut says about recordings made elsewhere."""
    files = sorted((laboratory.HERE / "recordings").glob("*.xcr"))
    print("This kernel or this user cannot load BPF programs (`crosscut doctor` says why),\n"
          f"so {len(files)} recordings are replayed instead of live failures.")
    status = 0 if files else 3
    for file in files:
        name = file.stem
        text = laboratory.load(name).__doc__ if name in laboratory.names() else name
        print(f"\n{BOLD}-- {text} --{PLAIN}\n{DIM}$ crosscut why -r {file.name}{PLAIN}", flush=True)
        status = max(status, subprocess.run([crosscut, "why", "-r", str(file)], check=False).returncode)
    return status


def main():
    try:
        crosscut = watch.binary()
        doctor = subprocess.run([crosscut, "doctor"], capture_output=True, check=False)
        usable = doctor.returncode == 0 and os.geteuid() == 0
        status = live(crosscut) if usable else replay(crosscut)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 4
    shown = min(os.path.relpath(crosscut), crosscut, key=len)
    print(f"\n{BOLD}Try next{PLAIN}\n"
          f"  {shown} why                       # everything that fails on this machine from now on\n"
          f"  {shown} lab shell drop-forward    # a shell behind a firewall that drops\n"
          f"  {shown} lab run 'reject-*' pod-gone")
    return status


if __name__ == "__main__":
    sys.exit(main())
