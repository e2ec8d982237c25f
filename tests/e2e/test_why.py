# SPDX-License-Identifier: Apache-2.0
"""`why` and `record` on the live kernel: what is told, what is recorded, what is left behind."""
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

import faultbpf
import hosts

pytestmark = pytest.mark.root
OK, FINDINGS, USAGE, CANNOT, FAILED = range(5)
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
DROP_8000 = """table inet guard {
	chain input {
		type filter hook input priority 0; policy accept;
		tcp dport 8000 counter drop comment "e2e"
	}
}
"""
NARROW = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+bpf,+perfmon,+net_admin",
          "--ambient-caps=-all,+bpf,+perfmon,+net_admin", "--bounding-set=-all,+bpf,+perfmon,+net_admin", "--nnp"]


@pytest.fixture
def public():
    """A directory that everybody can read, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        yield pathlib.Path(place)


@pytest.fixture
def serving():
    """serving(netns, address, port) starts an echo server that ends with the test."""
    started = []

    def start(*args):
        started.append(hosts.server(*args))
        return started[-1]
    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def fail_in_many_ways(one, other):
    """Refused, dropped, a datagram for nobody: three findings at least."""
    assert hosts.dial(one, "10.90.0.2", 4001) == ["ECONNREFUSED"]
    hosts.nft(other, DROP_8000)
    assert hosts.dial(one, "10.90.0.2", 8000, patience=1.3) == ["timeout"]
    hosts.sh(one, hosts.PYTHON, "-c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
             "s.connect(('10.90.0.2', 53)); s.send(b'x')")


# ---- live and replay ---------------------------------------------------------------------------------

def test_replay_says_what_was_said_live(watching, pair, public, run, run_as_nobody):
    one, other = pair
    file = public / "run.xcr"
    watcher = watching("why", "--netns", one, "--netns", other, "--record", file, "-o", "json")
    fail_in_many_ways(one, other)
    for pattern in ("nothing-listens", "filter-drop", "udp-unreachable"):
        hosts.wait_finding(watcher, lambda f, p=pattern: f["pattern_id"] == p and f["status"] == "confirmed")
    assert watcher.stop() == OK
    live = watcher.stdout()
    assert live.count("\n") >= 4
    first, again = (run("why", "-r", file, "-o", "json") for _ in range(2))
    assert (first.returncode, first.stdout) == (OK, live)
    assert again.stdout == first.stdout
    os.chmod(file, 0o644)
    stranger = run_as_nobody("why", "-r", file, "-o", "json")
    assert (stranger.returncode, stranger.stdout) == (OK, live)
    assert run("why", "-r", file).stdout == run("why", "-r", file).stdout


def test_record_keeps_what_why_needs(watching, pair, public, run):
    """The other way to a recording, with the questions asked and answered while it is made."""
    one, other = pair
    file = public / "run.xcr"
    watcher = watching("record", "--output", file, "--netns", one, "--netns", other)
    fail_in_many_ways(one, other)
    rule = 12  # XC_EVT_RULE: which rule drops?
    hosts.wait(lambda: any(kind == rule for kind, _ in hosts.records(file)), "the rule in the recording")
    assert watcher.stop() == OK and watcher.stdout() == ""
    done = run("why", "-r", file, "-o", "json")
    assert done.returncode == OK and "partial" not in done.stderr
    assert 'tcp dport 8000 counter drop comment \\"e2e\\"' in done.stdout


@pytest.mark.parametrize("output", ["json", "text"])
def test_a_limit_on_findings_is_kept(run, output):
    done = run("why", "-r", GOLDEN / "syn-flood-no-cookies" / "input.xcr", "-o", output, "--count", "1")
    assert done.returncode == OK
    said = done.stdout.count('"status":"confirmed"') if output == "json" else done.stdout.count("  Cause ")
    assert said == 1


def test_a_limit_on_findings_ends_the_watch(watching, netns):
    name = netns()
    watcher = watching("why", "--netns", name, "-o", "json", "--count", "2")
    for port in (4001, 4002):
        assert hosts.dial(name, "127.0.0.1", port) == ["ECONNREFUSED"]
    assert watcher.process.wait(10) == OK
    watcher.stop()
    assert len(watcher.findings()) >= 2


# ---- scope ---------------------------------------------------------------------------------------------

def test_other_namespaces_are_neither_told_nor_recorded(watching, netns, tmp_path):
    name, elsewhere = netns("a"), netns("b")
    hosts.sh(elsewhere, "ip", "addr", "add", "10.91.92.93/32", "dev", "lo")
    file = tmp_path / "run.xcr"
    watcher = watching("why", "--netns", name, "-o", "json", "--record", file)
    assert hosts.dial(elsewhere, "10.91.92.93", 4009) == ["ECONNREFUSED"]
    assert hosts.dial(name, "127.0.0.1", 4001) == ["ECONNREFUSED"]
    hosts.wait_finding(watcher, lambda f: f["connection"]["server"]["port"] == 4001)
    assert watcher.stop() == OK
    assert hosts.servers_told(watcher.findings()) == {4001}
    inum = os.stat(f"/run/netns/{elsewhere}").st_ino.to_bytes(4, "little")
    for _, body in hosts.records(file):
        assert socket.inet_aton("10.91.92.93") not in body
        assert inum not in body


@pytest.mark.parametrize("options", [
    ["--port", "4002"], ["--not", "--port", "4001"], ["--to", ":4002"], ["--to", "127.0.0.2:4002"],
    ["--to", "127.0.0.2"], ["--not", "--to", "127.0.0.1"], ["--from", "127.0.0.9"], ["--ip", "127.0.0.9"],
    ["--not", "--ip", "127.0.0.8"], ["--ip", "127.0.0.9/32", "--port", "4002"],
])
def test_filters(watching, netns, options):
    name = netns()
    watcher = watching("why", "--netns", name, "-o", "json", *options)
    assert hosts.dial(name, "127.0.0.1", 4001, source="127.0.0.8") == ["ECONNREFUSED"]
    assert hosts.dial(name, "127.0.0.2", 4002, source="127.0.0.9") == ["ECONNREFUSED"]
    hosts.wait_finding(watcher, lambda f: f["connection"]["server"]["port"] == 4002)
    assert watcher.stop() == OK
    assert hosts.servers_told(watcher.findings()) == {4002}


def test_filter_by_process(watching, netns):
    name = netns()
    with hosts.dialer(name, "127.0.0.1", 4002) as wanted:
        watcher = watching("why", "--netns", name, "-o", "json", "--pid", wanted.pid)
        assert hosts.dial(name, "127.0.0.1", 4001) == ["ECONNREFUSED"]
        assert wanted.communicate("go\n", timeout=10)[0] == "ECONNREFUSED\n"
        found = hosts.wait_finding(watcher, lambda f: f["connection"]["server"]["port"] == 4002)
        assert found["connection"]["process"]["pid"] == wanted.pid
        assert watcher.stop() == OK
    assert hosts.servers_told(watcher.findings()) == {4002}


# ---- how it ends -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("level, case, status", [
    ("never", "refused", OK), ("info", "refused", FINDINGS), ("warning", "refused", FINDINGS),
    ("error", "refused", FINDINGS), ("info", "rolling-restart", OK), ("warning", "half-open-close", FINDINGS),
    ("error", "half-open-close", OK),
])
def test_findings_fail_on_demand(run, level, case, status):
    assert run("why", "-r", GOLDEN / case / "input.xcr", "--fail-on", level).returncode == status


def damaged(place, how):
    data = bytearray((GOLDEN / "refused" / "input.xcr").read_bytes())
    file = place / "run.xcr"
    if how == "cut":
        del data[-20:]  # in the end mark
    elif how == "flipped":
        data[-200] ^= 1
    elif how == "foreign":
        data[:8] = b"pcapng.."
    elif how == "newer":
        data[8] = 9
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("how, status, message", [
    ("cut", OK, "results are partial"), ("flipped", FAILED, "do not trust the results"),
    ("foreign", FAILED, "is not a crosscut recording"), ("newer", FAILED, "use a newer crosscut"),
])
def test_damaged_recordings(run, tmp_path, how, status, message):
    done = run("why", "-r", damaged(tmp_path, how), "-o", "json")
    assert done.returncode == status and message in done.stderr
    assert (done.stdout != "") == (how in ("cut", "flipped"))


@pytest.mark.parametrize("args, status, message", [
    (["why", "-r", "/nonexistent.xcr"], FAILED, "cannot read /nonexistent.xcr"),
    (["why", "-r", "/"], FAILED, "cannot read /"),
    (["why", "--netns", "no-such-namespace"], FAILED, "no such network namespace"),
    (["why", "--cgroup", "/no/such/group"], FAILED, "no such cgroup"),
    (["record"], USAGE, "record needs a file"),
])
def test_what_cannot_be_done_is_said_at_once(run, args, status, message):
    done = run(*args)
    assert done.returncode == status and message in done.stderr and not done.stdout


def test_a_recording_never_replaces_another_file(run, netns, tmp_path):
    file = tmp_path / "diary"
    file.write_text("dear diary")
    done = run("record", "--output", file, "--netns", netns(), "--duration", "1s")
    assert done.returncode == FAILED and "is not a recording" in done.stderr
    assert file.read_text() == "dear diary"


def test_a_signal_flushes_and_sums_up(watching, netns, tmp_path):
    name = netns()
    file = tmp_path / "run.xcr"
    watcher = watching("why", "--netns", name, "--record", file, "--stats")
    assert hosts.dial(name, "127.0.0.1", 4001) == ["ECONNREFUSED"]
    hosts.wait(lambda: "nothing listens" in watcher.stdout(), "the finding")
    watcher.process.send_signal(signal.SIGTERM)
    assert watcher.process.wait(10) == OK
    watcher.stop()
    assert "findings: 1 confirmed" in watcher.stderr() and "records: " in watcher.stderr()
    assert [kind for kind, _ in hosts.records(file)][-1] == 15  # XC_EVT_END


def test_a_closed_pipe_ends_it(crosscut, netns):
    name = netns()
    reader, writer = os.pipe()
    process = subprocess.Popen([crosscut, "why", "--netns", name, "-o", "json"], stdout=writer, stderr=subprocess.PIPE,
                               text=True)
    try:
        os.close(writer)
        for line in process.stderr:
            if line.startswith("crosscut: watching"):
                break
        os.close(reader)
        assert hosts.dial(name, "127.0.0.1", 4001) == ["ECONNREFUSED"]
        _, errors = process.communicate(timeout=10)
        assert process.returncode == FAILED and "cannot write the results: Broken pipe" in errors
    finally:
        process.kill()
        process.communicate()


# ---- killed ------------------------------------------------------------------------------------------------

def assert_nothing_is_left(process, ids, names):
    """The process is dead, and so is all it had attached."""
    assert process.wait(10) == -signal.SIGKILL
    assert ids
    hosts.wait(lambda: not hosts.alive(ids), "the kernel to let go of programs and links")
    assert hosts.foreign_namespaces() <= names


def test_killed_while_running(watching, netns):
    names = hosts.foreign_namespaces()
    watcher = watching("why", "--netns", netns(), "-o", "json")
    ids = hosts.attached(watcher.process.pid)
    assert {kind for kind, _ in ids} == {"prog", "link"} and hosts.alive(ids) == ids
    watcher.process.kill()
    assert_nothing_is_left(watcher.process, ids, names)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_killed_during_attach(crosscut, watching, netns, share):
    names = hosts.foreign_namespaces()
    name = netns()
    whole = len(hosts.attached(watching("why", "--netns", name).process.pid))
    process = subprocess.Popen([crosscut, "why", "--netns", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ids = set()
    for _ in itertools.count():
        ids |= hosts.attached(process.pid)
        if len(ids) >= share * whole or process.poll() is not None:
            break
    process.kill()
    assert_nothing_is_left(process, ids, names)


def test_killed_while_recording(watching, pair, tmp_path, run):
    one, other = pair
    names = hosts.foreign_namespaces()
    file = tmp_path / "run.xcr"
    watcher = watching("record", "--output", file, "--netns", one, "--netns", other)
    ids = hosts.attached(watcher.process.pid)
    assert hosts.dial(one, "10.90.0.2", 4001) == ["ECONNREFUSED"]
    hosts.wait(lambda: any(kind == 4 for kind, _ in hosts.records(file)), "the reset in the file")  # XC_EVT_RESET
    tick = sum(kind == 2 for kind, _ in hosts.records(file))
    hosts.wait(lambda: sum(kind == 2 for kind, _ in hosts.records(file)) > tick, "a tick behind it")
    watcher.process.kill()
    assert_nothing_is_left(watcher.process, ids, names)
    done = run("why", "-r", file, "-o", "json")
    assert done.returncode == OK and "results are partial" in done.stderr
    assert '"pattern_id":"nothing-listens"' in done.stdout


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGKILL])
def test_a_trace_names_the_rule_and_leaves_no_table(watching, pair, sig):
    one, other = pair
    # random: only the kernel itself can say that it was this rule
    hosts.nft(other, DROP_8000.replace("tcp dport 8000", "tcp dport 8000 numgen random mod 100 >= 0"))
    before = hosts.sh(other, "nft", "list", "tables")
    watcher = watching("why", "--netns", one, "--netns", other, "-o", "json", "--trace-rule")
    with hosts.dialer(one, "10.90.0.2", 8000, times=2, patience=3) as client:
        client.stdin.write("go\n")
        client.stdin.flush()
        found = hosts.wait_finding(watcher, lambda f: any("kernel's own trace" in e for e in f["evidence"]))
        assert "numgen random mod 100" in found["details"] and found["confidence_score"] > 0.99
        watcher.process.send_signal(sig)
        watcher.process.wait(10)
        hosts.wait(lambda: hosts.sh(other, "nft", "list", "tables") == before, "the tables as they were")
        client.kill()


# ---- little privilege -------------------------------------------------------------------------------------------

@pytest.fixture
def narrow(crosscut, public):
    """The command line that runs crosscut as an ordinary user with three capabilities."""
    binary = public / "crosscut"
    shutil.copy(crosscut, binary)
    return [*NARROW, str(binary)]


def test_three_capabilities_suffice_at_home(narrow, netns):
    name = netns()
    process = subprocess.Popen(hosts.inside(name, *narrow, "why", "--netns", "self", "-o", "json", "--count", "1"),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = next((line for line in process.stderr if line.startswith("crosscut: watching")), None)
        assert line, process.communicate()
        assert hosts.dial(name, "127.0.0.1", 4001) == ["ECONNREFUSED"]
        out, _ = process.communicate(timeout=10)
        assert process.returncode == OK and '"pattern_id":"nothing-listens"' in out
    finally:
        process.kill()
        process.communicate()


def test_doctor_tells_what_needs_more(narrow, netns):
    done = subprocess.run(hosts.inside(netns(), *narrow, "doctor"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == OK, done.stdout + done.stderr
    rows = {line.split()[1]: line for line in done.stdout.splitlines() if "CAP_" in line and len(line.split()) > 2}
    for held in ("CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"):
        assert "not held" not in rows[held]
    for missing in ("CAP_SYS_ADMIN", "CAP_NET_RAW"):
        assert "not held" in rows[missing]


# ---- what a person sees ---------------------------------------------------------------------------------------

def test_five_hundred_failures_of_one_cause_are_one_story(watching, netns):
    name = netns()
    watcher = watching("why", "--netns", name)
    assert set(hosts.dial(name, "127.0.0.1", 4001, times=500)) == {"ECONNREFUSED"}

    def told():
        lines = watcher.stdout().splitlines()
        more = [int(line.split("and ")[1].split()[0]) for line in lines if "... and " in line]
        return sum("Connection failed" in line for line in lines) + sum(more)
    hosts.wait(lambda: told() >= 495, "all of them")
    assert watcher.stop() == OK
    assert 495 <= told() <= 500
    assert watcher.stdout().count("Connection failed") == 1


def test_a_rule_loaded_later_is_named(watching, pair):
    one, other = pair
    watcher = watching("why", "--netns", one, "--netns", other, "-o", "json")
    hosts.nft(other, DROP_8000)
    with hosts.dialer(one, "10.90.0.2", 8000, patience=1.5) as client:
        assert client.communicate("go\n", timeout=10)[0] == "timeout\n"
    found = hosts.wait_finding(watcher, lambda f: f["status"] == "confirmed")
    assert found["pattern_id"] == "filter-drop"
    assert 'table inet guard, chain input handle ' in found["details"] and "dport 8000" in found["details"]


def test_nothing_is_said_about_health(watching, pair, serving):
    one, other = pair
    serving(other, "10.90.0.2", 4000)
    watcher = watching("why", "--netns", one, "--netns", other, "-o", "json")
    hosts.ask(one, "10.90.0.2", 4000, 200)
    assert hosts.dial(one, "10.90.0.2", 4001) == ["ECONNREFUSED"]  # from here on all is told
    hosts.wait_finding(watcher, lambda f: f["connection"]["server"]["port"] == 4001)
    assert watcher.stop() == OK
    assert len(watcher.findings()) == 1


def test_a_namespace_may_be_kept_by_a_path_alone(watching, netns, tmp_path):
    name, place = netns(), tmp_path / "kept"
    place.touch()
    subprocess.run(["mount", "--bind", f"/run/netns/{name}", place], check=True)
    try:
        watcher = watching("why", "--netns", place, "-o", "json")
        hosts.delete(name)
        inside = ["nsenter", f"--net={place}", hosts.PYTHON, "-c", hosts.DIAL, "127.0.0.1", "4711", "1", "5", ""]
        n, until = 0, time.monotonic() + 5  # longer than two looks at what namespaces there are
        while time.monotonic() < until:
            subprocess.run(inside, input="go\n", text=True, check=True, stdout=subprocess.DEVNULL)
            n += 1
            hosts.wait(lambda: len(watcher.findings()) >= n, "a finding")
    finally:
        watcher.stop()
        subprocess.run(["umount", place], check=True)


def test_the_end_of_its_namespace_is_the_end(watching, netns):
    """The number of a namespace that is gone is given to the next one, which is none of ours."""
    name = netns()
    watchers = [watching(*command, "--netns", name) for command in (["why"], ["observe"], ["features", "lo", "-d", "0", "--out", "-"])]
    hosts.delete(name)
    for watcher in watchers:
        assert watcher.process.wait(10) == OK
        assert "no namespace is left to watch" in watcher.stderr()


# ---- what is attached ---------------------------------------------------------------------------------

def cgroup_links(pid):
    n = 0
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # just closed
            n += "link_type:\tcgroup" in path.read_text(encoding="ascii")
    return n


def has_connect_programs():
    """Has anybody but crosscut one now, such as another test?"""
    shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True, check=True).stdout
    return any(program["type"] == "cgroup_sock_addr" and not program.get("name", "").startswith("denied")
               for program in json.loads(shown))


def test_the_hook_at_connect_waits_for_programs_of_others(watching, netns):
    name = netns()
    watcher = watching("why", "--netns", name)
    for _ in range(5):
        if not cgroup_links(watcher.process.pid):
            break
        hosts.wait(lambda: not has_connect_programs(), "the end of somebody's program")
        watcher.stop()
        watcher = watching("why", "--netns", name)
    assert cgroup_links(watcher.process.pid) == 0
    program = faultbpf.load("cgroup_connect", "connect4")
    try:
        hosts.wait(lambda: cgroup_links(watcher.process.pid) == 2, "the hook at connect()")
    finally:
        os.close(program)
