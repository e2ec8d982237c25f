# SPDX-License-Identifier: Apache-2.0
"""The scenarios with a label: complete, acting by the kernel's own word, gone afterwards; their rows judged justly."""
import contextlib
import csv
import hashlib
import io
import os
import pathlib
import signal
import subprocess
import sys

import dataset
import features
import impair
import loads
import peers
import pytest
import rows
import ruletable
import scenes
import topology

root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
FAULTS = scenes.names("faults")
S = 10**9
SERVER = ("10.0.0.2", 80, "tcp")


# ---- scenarios ----------------------------------------------------------------------------------

@pytest.mark.parametrize("name", FAULTS)
def test_truth_is_complete(name):
    scenario = scenes.load(name)
    truth = scenario.TRUTH
    wanted = {"label", "where", "signal", "view", "levels"}
    assert wanted <= truth.keys() <= wanted | {"alone", "lasts", "window_s"}
    assert truth["label"] in range(len(rows.LABELS))
    assert truth["view"] and set(truth["view"]) <= set(topology.SUFFIX)
    assert truth["where"] and truth["signal"]
    assert scenario.__doc__ and "\n" not in scenario.__doc__
    for level, changes in features.levels(scenario).items():
        assert features.settings(scenario, level).items() >= changes.items()


def test_names_are_unique():
    assert not set(FAULTS) & set(scenes.names())


def test_every_label_at_several_intensities():
    assert len(scenes.labelled(0)) >= 4
    for label in range(1, len(rows.LABELS)):
        assert scenes.labelled(label)
        assert all(len(features.levels(scenes.load(name))) >= 3 for name in scenes.labelled(label))
    assert "heavy-traffic" not in scenes.labelled()


def test_settings_are_checked():
    scenario = scenes.load("packet-loss")
    assert features.settings(scenario, "medium", ["percent=50"])["percent"] == 50
    for level, given in (("no-such", ()), ("medium", ["no=1"]), ("medium", ["percent=much"])):
        with pytest.raises(topology.LabError):
            features.settings(scenario, level, given)


@root
@pytest.mark.parametrize("name", ["cpu-throttling", "packet-loss", "latency-jitter", "syn-flood", "memory-pressure",
                                  "backlog-overflow", "zero-windows", "reset-churn", "healthy-dns"])
def test_fault_acts(name):
    run = features.run_once(name, scenes.load(name), features.Plan(duration_s=1))
    assert run["reproduced"], run["proof"]


@root
def test_heavy_traffic_prints_its_steps_and_ends_whatever_happens(capsys):
    scenario = scenes.load("heavy-traffic")
    with topology.make("heavy-traffic", scenario.TRUTH, "1") as made:
        with contextlib.closing(scenario.run(made, PACKET_LOSS=50, DELAY_MS=20)) as steps:
            next(steps)
            next(steps)
            assert "drop" in made.router.sh("nft list ruleset")
            assert "lookup 77" in made.router.sh("ip rule")
        assert made.router.sh("nft list ruleset") == ""
        assert "lookup 77" not in made.router.sh("ip rule")
    said = capsys.readouterr().err
    assert [line[:5] for line in said.splitlines()] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]


@root
def test_relay_delays_and_keeps_order():
    with topology.Lab("relay-" + str(os.getpid()), seed="1") as made:
        flow = made.flow()
        made.server.start(peers.serve, flow)
        with impair.delayed(made, flow, [(50, 1)]):
            late = made.client.call(peers.connect, flow, 5, ask=100000)
        soon = made.client.call(peers.connect, flow, 5, ask=100)
    assert late["result"] == soon["result"] == "ok"
    assert late["after_ms"] >= 50 and soon["after_ms"] < 50
    assert loads.stream_of(b"\x45" + bytes(range(1, 40))) == bytes(range(12, 24))


# ---- rows ---------------------------------------------------------------------------------------

def row(second, port=80, bits=0, ip="10.0.0.2"):
    return {"timestamp": str(second), "dst_ip": ip, "dst_port": str(port), "protocol": "6", "fault_bits": str(bits),
            "anomaly_label": "2"}


def run_of(label, made, where="router"):
    """A run whose fault acts from 10.05 s to 20.1 s and begins at 9.9 s."""
    run = {"truth": {"label": label, "where": where}, "targets": [SERVER], "window_s": 1, "rows": made,
           "disk_depths": {18: 11.0}, "begin_ns": 99 * S // 10, "acts_ns": 1005 * S // 100, "over_ns": 201 * S // 10,
           "reproduced": True}
    return run | {"shares": rows.shares(run)}


def test_true_label():
    run = run_of(2, [])
    assert rows.true_label(row(8), run) == 0
    assert rows.true_label(row(9), run) is None  # the fault begins in it
    assert rows.true_label(row(10), run) is None
    assert rows.true_label(row(11), run) == 2
    assert rows.true_label(row(11, ip="::ffff:10.0.0.2"), run) == 2
    assert rows.true_label(row(11, port=81), run) == 0
    assert rows.true_label(row(11, port=81), run_of(6, [], "node")) is None
    assert rows.true_label(row(18), run) is None  # somebody else keeps the disk busy
    assert rows.true_label(row(18), run_of(6, [])) == 6
    assert rows.true_label(row(19), run) == 2
    assert rows.true_label(row(20), run) is None
    assert rows.true_label(row(30), run) is None  # after-effects


def test_shares_and_bars():
    good = [row(11, bits=1 << 2)] * 19 + [row(12, bits=1 << 2 | 1 << 3), row(5, bits=1 << 4), row(12, 81, 1 << 5),
                                         row(18, bits=1 << 6)]
    run = run_of(2, good)
    assert run["shares"] == {"rows": 20, "disturbed": 1, "fires": 20, "other": 1, "others": [3]}
    assert rows.is_right(run)
    assert not rows.is_right(run_of(2, good + [row(13)] * 3))
    assert not rows.is_right(run_of(2, good + [row(12, bits=12)]))
    assert not rows.is_right(run_of(2, []))
    assert rows.is_right(run_of(0, [row(11)] * 100 + [row(12, bits=2)]))
    assert not rows.is_right(run_of(0, [row(11)] * 99 + [row(12, bits=6)] * 2))


def test_table_names_what_missed():
    runs = [run_of(2, [row(11, bits=4)]), run_of(3, [row(11)]), run_of(10, [row(11)]), run_of(0, [row(11)])]
    lines, missed = ruletable.table(runs)
    assert [line.split()[0] for line in lines] == ["0", "2", "3", "10"]
    assert missed == ["latency jitter", "DNS failure"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert ruletable.report(runs[:1], [])
        assert not ruletable.report(runs, [])
        assert not ruletable.report(runs[:1], ["a run failed"])
    assert "MISSED: latency jitter, DNS failure" in out.getvalue()


def test_merged_rows_get_the_label_they_deserve(tmp_path):
    merged = dataset.Merged(tmp_path / "dataset.csv")
    with merged.file:
        merged.add("a.1", run_of(2, [row(5), row(9), row(11), row(11, port=81)]))
    with open(tmp_path / "dataset.csv", encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [(r["run_id"], r["anomaly_label"]) for r in read] == [("a.1", "0"), ("a.1", "2"), ("a.1", "0")]
    assert merged.counts == {0: 2, 2: 1}


# ---- with crosscut ------------------------------------------------------------------------------

def lab_command(crosscut, *args):
    return [sys.executable, str(pathlib.Path(scenes.HERE, "lab.py")), *args, "--crosscut", crosscut]


@root
def test_data_set_of_one_label(crosscut, tmp_path):
    out = tmp_path / "made"
    command = lab_command(crosscut, "dataset", "--label", "9", "--level", "medium", "--duration", "2", "--window", "1",
                          "--out", str(out))
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (out / "runs").iterdir()} == {"reset-churn.medium.1.csv",
                                                          "reset-churn.medium.1.csv.schema.json"}
    read = rows.read(out / "dataset.csv")
    assert {r["run_id"] for r in read} == {"reset-churn.medium.1"}
    assert {r["anomaly_label"] for r in read} == {"0", "9"}
    assert sum(r["anomaly_label"] == "9" for r in read) >= 100
    again = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert again.returncode == 4 and "exists" in again.stderr
    loads_in_pandas(out / "dataset.csv", len(read))


def loads_in_pandas(path, count):
    """Every column but those of texts is numeric, and nothing is missing."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(path, keep_default_na=False)
    assert len(frame) == count
    assert len(frame.select_dtypes("number").columns) > 94
    assert not frame.isna().any().any()


@root
def test_data_set_interrupted_leaves_nothing(crosscut, tmp_path):
    process = subprocess.Popen(lab_command(crosscut, "dataset", "--label", "1", "--out", str(tmp_path / "made")),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab_id = hashlib.sha256(f"cpu-throttling-{process.pid}".encode()).hexdigest()[:8]
    places = [topology.NETNS_DIR, topology.STATE_DIR, topology.cgroup_root("cpu")]

    def left():
        return [p.name for place in places for p in place.glob(f"*{lab_id}*")]
    topology.wait_for(lambda: len(left()) == 5, 20, "three namespaces, a state file and a cgroup")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert left() == []
