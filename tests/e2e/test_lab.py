# SPDX-License-Identifier: Apache-2.0
"""The laboratory itself: it always cleans up, its scenarios are complete, its judge is just."""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

LAB = pathlib.Path(__file__).resolve().parents[2] / "lab"
sys.path.insert(0, str(LAB))

import accuracy  # noqa: E402
import judge  # noqa: E402
import lab  # noqa: E402
import peers  # noqa: E402
import topology  # noqa: E402

PATTERNS = set("""
    nothing-listens filter-drop filter-reject bpf-drop lost-state server-abort oom-kill process-exit arp-failure
    wrong-mac no-route forwarding-off rp-filter ttl-exceeded martian-source black-hole return-path-loss
    accept-queue-overflow syn-flood zero-window packet-loss pmtu-black-hole port-exhaustion conntrack-full
    conntrack-invalid half-open keepalive-timeout udp-unreachable udp-receive-overflow link-down
    kernel-drop dns-failure tls-handshake protocol-mismatch keepalive-race no-response request-timeout request-error""".split())
root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def name_of(request):
    return f"{request.node.nodeid}-{os.getpid()}"


def leftovers(name):
    """What a lab of this name has outside its processes."""
    lab_id = hashlib.sha256(name.encode()).hexdigest()[:8]
    return sorted(p.name for d in (topology.NETNS_DIR, topology.STATE_DIR) if d.exists()
                  for p in d.iterdir() if lab_id in p.name)


@pytest.fixture
def lab_name(request):
    """A name for the test's lab; whatever is left of it is removed."""
    name = name_of(request)
    yield name
    if os.geteuid() == 0:
        topology.main(["--cleanup", name])


# ---- clean-up -----------------------------------------------------------------------------------

@root
def test_cleaned_up_after_exception(lab_name):
    with pytest.raises(ZeroDivisionError):
        with topology.Lab(lab_name) as made:
            child = made.server.start(peers.serve, made.flow())
            assert len(leftovers(lab_name)) == 4  # three namespaces, one state file
            raise ZeroDivisionError
    assert leftovers(lab_name) == []
    assert topology.start_time(child.pid) is None


@root
def test_cleaned_up_when_building_fails(lab_name, monkeypatch):
    def fail(_self):
        raise topology.LabError("no answer")
    monkeypatch.setattr(topology.Lab, "warm", fail)
    with pytest.raises(topology.LabError):
        topology.Lab(lab_name).__enter__()
    assert leftovers(lab_name) == []


def hold(lab_name):
    """A lab held by another process, up and running."""
    process = subprocess.Popen([sys.executable, str(LAB / "topology.py"), "--hold", lab_name],
                               stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line == "ready\n":
            break
    assert len(leftovers(lab_name)) == 4
    return process


@root
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_cleaned_up_after_signal(lab_name, sig):
    process = hold(lab_name)
    process.send_signal(sig)
    assert process.wait(10) == 128 + sig
    assert leftovers(lab_name) == []


@root
def test_clean_removes_what_a_killed_lab_left_and_nothing_else(lab_name):
    with topology.Lab(lab_name + "-living"):
        process = hold(lab_name)
        process.kill()
        process.wait(10)
        assert len(leftovers(lab_name)) == 4
        assert lab_name in topology.clean()
        assert leftovers(lab_name) == []
        assert len(leftovers(lab_name + "-living")) == 4


@root
def test_machine_setting_comes_back(lab_name, tmp_path):
    setting = tmp_path / "limit"
    setting.write_text("4096\n", encoding="ascii")
    with topology.Lab(lab_name) as made:
        made.set_machine(setting, 17)
        assert setting.read_text(encoding="ascii") == "17\n"
    assert setting.read_text(encoding="ascii") == "4096\n"


@root
def test_child_reports_its_error_and_its_silence(lab_name):
    def broken(_ctl):
        raise ValueError("what went wrong")

    def mute(ctl):
        ctl.await_go()
    with topology.Lab(lab_name) as made:
        with pytest.raises(topology.LabError, match="what went wrong"):
            made.client.call(broken)
        with pytest.raises(topology.LabError, match="timeout"):
            made.client.call(mute, limit=0.2)


# ---- scenarios ----------------------------------------------------------------------------------

@pytest.mark.parametrize("name", lab.names())
def test_truth_is_complete(name):
    scenario = lab.load(name)
    truth = scenario.TRUTH
    assert lab.TRUTH_KEYS <= truth.keys() <= lab.TRUTH_KEYS | {"alone", "options"}
    assert truth["pattern"] is None or truth["pattern"] in PATTERNS
    assert set(truth["accept"]) <= PATTERNS
    assert truth["view"] and set(truth["view"]) <= set(topology.SUFFIX)
    assert all(truth[key] for key in ("where", "layer", "signal", "app"))
    assert scenario.__doc__ and "\n" not in scenario.__doc__
    assert callable(scenario.run)


def test_enough_scenarios():
    assert len(lab.select(["faults"])) >= 40
    assert len(lab.select(["healthy"])) >= 6


def test_list_agrees_with_the_files():
    out = subprocess.run([sys.executable, str(LAB / "lab.py"), "list", "-o", "json"],
                         capture_output=True, text=True, check=True).stdout
    listed = {row["name"]: row["truth"] for row in map(json.loads, out.splitlines())}
    files = {p.stem.replace("_", "-") for d in ("scenarios", "faults") for p in (LAB / d).glob("*.py")}
    assert set(listed) == files
    assert all(listed[name] == lab.load(name).TRUTH for name in files)


def test_unknown_scenario_is_an_error():
    done = subprocess.run([sys.executable, str(LAB / "lab.py"), "run", "no-such-thing", "--no-crosscut"],
                          capture_output=True, text=True, check=False)
    assert done.returncode in (3, 4)
    assert "Traceback" not in done.stderr


@root
@pytest.mark.parametrize("name", ["refused", "refused-v6", "reject-icmp-forward", "server-recreated",
                                  "churn"])
def test_scenario_reproduces(name):
    run = lab.run_once(name)
    assert run["reproduced"], run["app"]


# ---- judge --------------------------------------------------------------------------------------

FLOW = {"client": "10.0.0.1", "server": "10.0.0.2", "port": 80, "proto": "tcp"}
TRUTH = {"pattern": "filter-drop", "accept": [], "app": "timeout"}
APP = [{"result": "timeout", "at_ns": 2_000_000_000}]


def finding(number, pattern="filter-drop", server="10.0.0.2", **more):
    return {"id": f"f{number}", "pattern_id": pattern, "severity": "error", "status": "confirmed",
            "connection": {"protocol": "TCP", "client": {"ip": "10.0.0.1", "port": 1000 + number},
                           "server": {"ip": server, "port": 80}},
            "first_signal_ns": 1_000_000_000, "arrival_ns": 1_000_500_000, **more}


def judged(findings, **truth):
    return judge.judge(dict(TRUTH, **truth), [FLOW], APP, findings)


def test_judge_takes_the_last_standing_finding():
    run = judged([finding(1, "black-hole", status="suspected"), finding(2)])
    assert run["right"] and run["signal_to_finding_ms"] == 0.5 and run["saved_ms"] == 999.5
    assert not judged([finding(1), finding(2, "black-hole")])["right"]


def test_judge_ignores_other_flows():
    assert judged([finding(1, server="10.0.0.3")])["verdict"] == judge.NOTHING
    assert judged([finding(1, server="::ffff:10.0.0.2")])["right"]


def test_judge_a_cleared_finding_is_no_verdict():
    cleared = finding(2, status="cleared", replaces="f1")
    assert judged([finding(1), cleared])["verdict"] == judge.NOTHING
    again = finding(1, status="cleared")  # the same id, reported again
    assert judged([finding(1, status="suspected"), again])["verdict"] == judge.NOTHING


def test_judge_accepts_what_the_truth_accepts():
    assert judged([finding(1, "arp-failure")], accept=["arp-failure"])["right"]


def test_judge_counts_every_finding_on_a_healthy_run():
    run = judged([finding(1, server="10.0.0.9"), finding(2, status="cleared", replaces="f1")], pattern=None)
    assert run["right"] and run["false"] == {"error": 1}


def test_wilson_interval():
    low, high = judge.wilson(95, 100)
    assert (round(low, 3), round(high, 3)) == (0.888, 0.978)
    assert judge.wilson(0, 0) == (0.0, 1.0)


def test_percentile_is_nearest_rank():
    assert judge.percentile(range(1, 101), 95) == 95
    assert judge.percentile([7], 50) == 7
    assert judge.percentile([], 50) is None


def test_alone_jobs_meet_nobody():
    running, seen = [], []

    def work(name, _seed):
        running.append(name)
        seen.append((name, len(running)))
        running.remove(name)
        return name
    jobs = [("a", 1), ("alone", 1), ("b", 1), ("c", 1), ("alone", 2)]
    assert sorted(accuracy.schedule(jobs, 2, work, {"alone"})) == sorted(job[0] for job in jobs)
    assert all(count == 1 for name, count in seen if name == "alone")


def fault_run(right, signal_ms=1.0, expected="filter-drop"):
    return {"expected": expected, "right": right, "signal_to_finding_ms": signal_ms, "reproduced": True}


def test_missed_bars():
    good = [fault_run(True)] * 20
    assert not list(accuracy.missed(good, good, []))
    assert list(accuracy.missed(good, good, [{"false": {"error": 1}}]))
    assert list(accuracy.missed(good, good + [fault_run(False)] * 2, []))
    assert list(accuracy.missed(good, good + [fault_run(True, 150.0)] * 2, []))
