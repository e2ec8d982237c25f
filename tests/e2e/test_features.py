# SPDX-License-Identifier: Apache-2.0
"""crosscut features as a user runs it: rows of captures and of live traffic, its files, its errors, its reports."""
import csv
import io
import json
import os
import pathlib
import re
import resource
import signal
import subprocess

import hosts
import packets
import pytest

OK, WRONG, USAGE, CANNOT, FAILED = 0, 1, 2, 3, 4
DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "pcaps"
FIRST = ("timestamp,flow_id,src_ip,dst_ip,src_port,dst_port,protocol,l7_protocol,packet_count,byte_count,"
         "packets_per_second,bytes_per_second,avg_packet_size,retransmission_count,retransmission_rate").split(",")
START = 1_700_000_000  # a multiple of 5
CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def rows_of(run, *args):
    done = run("features", "--out", "-", *args)
    assert done.returncode == OK, done.stderr
    return table(done.stdout)


@pytest.fixture
def capture(tmp_path):
    """One connection with a segment sent three times, and a UDP question with its answer in the next window."""
    asked = (("10.0.0.1", 5353), ("10.0.0.3", 53))
    udp = [(START + 5.0, packets.udp(asked, b"q" * 20)), (START + 5.01, packets.udp(asked[::-1], b"a" * 30))]
    return packets.write(tmp_path / "made.pcap", [*packets.connection(CLIENT, SERVER, START + 1.0, lost=2), *udp])


# ---- rows of a capture ------------------------------------------------------------------------------

def test_rows_of_a_capture(run, capture):
    tcp, udp = rows_of(run, "-r", capture, "-l", "3")
    assert list(tcp)[:15] == FIRST and len(tcp) == 112
    assert list(tcp)[-1] == "anomaly_label" and tcp["anomaly_label"] == udp["anomaly_label"] == "3"
    assert (tcp["timestamp"], udp["timestamp"]) == (str(START), str(START + 5))
    assert (tcp["src_ip"], tcp["src_port"], tcp["dst_ip"], tcp["dst_port"]) == ("10.0.0.1", "40000", "10.0.0.2", "80")
    assert (tcp["protocol"], udp["protocol"]) == ("6", "17")
    assert (tcp["packet_count"], tcp["retransmission_count"], tcp["consecutive_retrans"]) == ("10", "2", "2")
    assert float(tcp["retransmission_rate"]) == pytest.approx(0.2)
    assert (tcp["forward_packets"], tcp["backward_packets"]) == ("7", "3")
    assert int(tcp["byte_count"]) == 10 * 40 + 3 * 5 + 6
    assert float(tcp["packets_per_second"]) == 2.0
    assert (udp["packet_count"], float(udp["latency_mean_ms"])) == ("2", pytest.approx(10, rel=0.01))


def test_the_same_capture_gives_the_same_bytes(run, capture):
    once, again = (run("features", "-r", capture, "--out", "-", "--columns", "extended") for _ in range(2))
    assert once.returncode == OK and once.stdout == again.stdout and once.stdout.count("\n") == 3


def test_a_capture_from_stdin(crosscut, env, capture):
    with open(capture, "rb") as file:
        done = subprocess.run([crosscut, "features", "-r", "-", "--out", "-"], stdin=file, capture_output=True,
                              env=env, text=True, timeout=30, check=False)
    assert done.returncode == OK and len(table(done.stdout)) == 2


def catches(pid, sig):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> sig - 1 & 1


def test_an_interrupted_pipe_is_read_to_its_end(crosscut, env, capture):
    """Ctrl-C reaches the writer of the pipe too, which then hands over what it still holds."""
    data = capture.read_bytes()
    with subprocess.Popen([crosscut, "features", "-r", "-", "--out", "-"], env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        hosts.wait(lambda: catches(process.pid, signal.SIGINT), "the signal handler")
        process.stdin.write(data[:100])
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(data[100:], timeout=30)
    assert process.returncode == OK and len(table(out.decode())) == 2


def test_windows_and_filters(run, capture):
    assert len(rows_of(run, "-r", capture, "-w", "100ms")) == 4  # the connection is seen in 3 of them
    assert [r["protocol"] for r in rows_of(run, "-r", capture, "-f", "10.0.0.3")] == ["17"]
    assert [r["protocol"] for r in rows_of(run, "-r", capture, "--ip", "10.0.0.2")] == ["6"]
    assert [r["protocol"] for r in rows_of(run, "-r", capture, "-f", "10.0.0.2", "--ip", "10.0.0.3")] == ["6", "17"]
    assert rows_of(run, "-r", capture, "--from", "10.0.0.2") == []
    assert len(rows_of(run, "-r", capture, "--not", "--port", "53")) == 1


def test_columns_and_missing_values(run, capture):
    row = rows_of(run, "-r", capture, "--columns", "dst_port,http_url,cpu_usage_percent,verdict")[0]
    assert row == {"dst_port": "80", "http_url": "", "cpu_usage_percent": "0.0", "verdict": "FORWARDED"}
    row = rows_of(run, "-r", capture, "--columns", "dst_port,cpu_usage_percent", "--missing", "empty")[0]
    assert row == {"dst_port": "80", "cpu_usage_percent": ""}
    for name, count in ("core", 103), ("default", 112), ("seed94", 94):
        assert len(rows_of(run, "-r", capture, "--columns", name)[0]) == count
    numeric = rows_of(run, "-r", capture, "--columns", "numeric")[0]
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in numeric.values())


def test_rows_as_json(run, capture):
    done = run("features", "-r", capture, "--out", "-", "-o", "json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert list(first)[:15] == FIRST and first["packet_count"] == 10 and second["dst_ip"] == "10.0.0.3"
    assert isinstance(first["packets_per_second"], float) and isinstance(first["verdict"], str)


@pytest.mark.skipif(not DATA.is_dir(), reason="no shared captures beside the checkout")
@pytest.mark.parametrize("path", sorted(DATA.glob("*.pcap*")), ids=lambda path: path.name)
def test_rows_of_the_shared_captures_are_sound(run, tmp_path, path):
    out = tmp_path / "rows.csv"
    done = run("features", "-r", path, "--out", out, "--columns", "extended")
    assert done.returncode == OK, done.stderr
    checked = run("features", "--check", out)
    assert checked.returncode == OK, checked.stdout
    with open(out, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and sum(int(row["packet_count"]) for row in rows) > 0


# ---- files ------------------------------------------------------------------------------------------

def test_the_file_and_its_schema(run, capture, tmp_path):
    done = run("features", "-r", capture, cwd=tmp_path)
    assert done.returncode == OK, done.stderr
    saved, told = done.stdout.splitlines()
    name = re.fullmatch(r"\[OK\] Saved to (ml_features_hybrid_\d{10}\.csv)", saved)[1]
    assert told == "2 rows collected, 1 flows with retransmissions"
    rows = table((tmp_path / name).read_text(encoding="utf-8"))
    schema = json.loads((tmp_path / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert [field["name"] for field in schema["fields"]] == list(rows[0])
    roles = {field["name"]: field["role"] for field in schema["fields"]}
    assert (roles["flow_id"], roles["packet_count"], roles["anomaly_label"]) == ("id", "feature", "label")


def test_a_file_that_holds_something_is_left_alone(run, capture, tmp_path):
    (tmp_path / "mine.csv").write_text("precious\n")
    done = run("features", "-r", capture, "--out", tmp_path / "mine.csv")
    assert done.returncode == FAILED and "holds something already" in done.stderr
    assert (tmp_path / "mine.csv").read_text() == "precious\n"


def test_what_is_said_of_a_capture(run, capture, tmp_path):
    done = run("features", "-r", capture, cwd=tmp_path)
    assert "a capture tells nothing of the host" in done.stderr and "Hubble is not read" in done.stderr
    done = run("features", "-r", capture, "--no-hubble", "--stats", "--out", tmp_path / "b.csv")
    assert "Hubble" not in done.stderr and "packets: 12 counted" in done.stderr
    done = run("features", "-r", capture, "-q", "--out", tmp_path / "c.csv")
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")


def many(path, count):
    """A capture of that many flows."""
    flows = (packets.udp(((f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", 1024), SERVER), b"x") for i in range(count))
    return packets.write(path, ((START + i * 1e-6, packet) for i, packet in enumerate(flows)))


def test_a_full_disk_leaves_whole_rows(crosscut, env, tmp_path):
    """A limit on the size of files stands for the disk; SIGXFSZ is ignored as the shell's ulimit -f does not do."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    out = tmp_path / "rows.csv"
    done = subprocess.run([crosscut, "features", "-r", str(many(tmp_path / "many.pcap", 3000)), "--out", str(out)],
                          env=env, capture_output=True, text=True, timeout=30, check=False,
                          preexec_fn=limit)  # pylint: disable=subprocess-popen-preexec-fn
    assert done.returncode == FAILED and not done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith("crosscut: error")]
    assert len(errors) == 1 and "cannot write to" in errors[0] and "File too large" in errors[0]
    text = out.read_text(encoding="utf-8")
    told = int(re.search(r"(\d+) rows are in it", errors[0])[1])
    assert text.endswith("\n") and len(table(text)) == told > 100
    assert {len(row) for row in csv.reader(io.StringIO(text))} == {112}


@pytest.mark.parametrize("args", [("--out", "-"), ("--out", "/dev/full")])
def test_results_that_cannot_be_written(run, capture, args):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = run("features", "-r", capture, *args, stdout=full)
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert done.returncode == FAILED and len(errors) == 1 and "No space left on device" in errors[0]


def test_a_closed_pipe_is_one_error(crosscut, env, tmp_path):
    many(tmp_path / "many.pcap", 3000)
    with subprocess.Popen([crosscut, "features", "-r", str(tmp_path / "many.pcap"), "--out", "-"], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = [line for line in process.stderr.read().splitlines() if "error" in line]
        assert process.wait(30) == FAILED
    assert len(errors) == 1 and "Broken pipe" in errors[0]


def test_a_capture_that_is_none(run, tmp_path):
    (tmp_path / "text.pcap").write_text("no capture at all")
    done = run("features", "-r", tmp_path / "text.pcap", "--out", tmp_path / "rows.csv")
    assert done.returncode in (CANNOT, FAILED) and done.stderr.count("crosscut: error") == 1
    done = run("features", "-r", tmp_path / "none.pcap", "--out", "-")
    assert done.returncode in (CANNOT, FAILED) and "No such file" in done.stderr


def test_a_truncated_capture_is_used_and_told(run, capture, tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(capture.read_bytes()[:-7])
    done = run("features", "-r", cut, "--out", "-")
    assert done.returncode == OK and "ends within a packet" in done.stderr
    assert [r["packet_count"] for r in table(done.stdout)] == ["10", "1"]


# ---- usage ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args, message", [
    ([], "features needs an interface: all, lo"),
    (["-l", "12", "-r", "x"], "--label: '12' is out of range; give 0 to 11"),
    (["eth0", "-r", "x"], "'eth0' and --read exclude each other; leave one out"),
    (["a", "b"], "unexpected argument 'b'; see crosscut help features"),
    (["all", "--netns", "a", "--netns", "b"], "features watches one --netns at a time; run it once for each"),
    (["-r", "x", "--columns", "packet_cuont"], "--columns: "),
    (["all", "-o", "xml"], "--output: 'xml' is none of csv, json"),
    (["-r", "x", "--netns", "a"], "--netns has no meaning with --read"),
])
def test_wrong_usage(run, args, message):
    done = run("features", *args)
    assert done.returncode == USAGE and not done.stdout
    assert done.stderr.startswith(f"crosscut: error: {message}") and done.stderr.count("\n") == 1


def test_an_unknown_column_is_told_with_the_nearest(run, capture):
    done = run("features", "-r", capture, "--out", "-", "--columns", "packet_cuont")
    assert done.returncode == USAGE and "packet_count" in done.stderr


# ---- --list and --check -----------------------------------------------------------------------------

def test_list(run):
    text = run("features", "--list")
    rows = [json.loads(line) for line in run("features", "--list", "-o", "json").stdout.splitlines()]
    assert text.returncode == OK and len(rows) >= 112
    for row in rows:
        assert f"\n  {row['name']} " in text.stdout and row["meaning"] and row["unit"] and row["scope"]
    assert [r["name"] for r in rows if "seed94" in r["sets"]] and rows[0]["name"] == "timestamp"
    chosen = run("features", "--list", "-o", "json", "--columns", "core").stdout.splitlines()
    assert len(chosen) == 103
    assert all(len(line) <= 150 for line in text.stdout.splitlines())


def test_check_of_a_sound_file(run, capture, tmp_path):
    run("features", "-r", capture, "-l", "2", "--out", tmp_path / "rows.csv", "--columns", "extended")
    done = run("features", "--check", tmp_path / "rows.csv")
    assert done.returncode == OK, done.stdout
    assert "2 rows" in done.stdout and "(extended)" in done.stdout and done.stdout.endswith("sound\n")
    assert "label 2 (Packet loss): 2 rows, 100.0 %" in done.stdout
    report = json.loads(run("features", "--check", tmp_path / "rows.csv", "-o", "json").stdout)
    assert (report["rows"], report["problems"], report["set"]) == (2, 0, "extended")
    assert report["labels"][0]["label"] == 2 and report["labels"][0]["rule_hits"][2] >= 1


def test_check_tells_what_is_wrong_and_where(run, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("run_id,flow_id,packet_count,retransmission_rate,anomaly_label\n"
                    "a,x,5,0.1,0\na,y,-5,1.5,0\na,z,5,nan,14\na,z,5\n")
    done = run("features", "--check", path)
    assert done.returncode == WRONG
    for line in ("wrong: packet_count is negative: 1 times, first on line 3: '-5'",
                 "wrong: retransmission_rate is out of range 0..1: 1 times, first on line 3: '1.5'",
                 "wrong: retransmission_rate is not finite: 1 times, first on line 4: 'nan'",
                 "note: not in the column table: run_id",
                 "wrong: rows with the wrong number of fields, or a quote out of place: 1 times, first on line 5: '3 fields'"):
        assert line in done.stdout.splitlines()
    assert run("features", "--check", tmp_path / "none.csv").returncode == CANNOT


# ---- live -------------------------------------------------------------------------------------------

@pytest.mark.root
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_live_rows_while_they_come(watching, netns, tmp_path, sig):
    name, out = netns(), tmp_path / "live.csv"
    watcher = watching("features", "all", "--netns", name, "-d", "0", "-w", "1", "-i", "1", "-l", "3", "--out", out)
    server = hosts.server(name, "127.0.0.1", 4711)
    sizes = set()
    try:
        def grown():
            hosts.ask(name, "127.0.0.1", 4711, 20)
            sizes.add(out.stat().st_size)
            return len(sizes) > 3
        hosts.wait(grown, "the file to grow", limit=15)
    finally:
        server.kill()
        server.wait()
    watcher.process.send_signal(sig)
    assert watcher.process.wait(10) == OK
    text = out.read_text(encoding="utf-8")
    rows = table(text)
    assert text.endswith("\n") and list(rows[0])[:15] == FIRST
    ours = [r for r in rows if r["dst_port"] == "4711"]
    assert len(ours) >= 60 and {r["anomaly_label"] for r in rows} == {"3"}
    assert {r["src_ip"] for r in ours} == {"127.0.0.1"} and all(int(r["packet_count"]) > 0 for r in ours)
    assert all(float(r["cpu_usage_percent"]) > 0 for r in ours)


@pytest.mark.root
def test_live_ends_after_its_duration(run, netns, tmp_path):
    done = run("features", "lo", "--netns", netns(), "-d", "2", "-w", "1", "-i", "1", cwd=tmp_path)
    assert done.returncode == OK, done.stderr
    assert re.search(r"^\[OK\] Saved to ml_features_hybrid_\d+\.csv$", done.stdout, re.M)
    assert re.search(r"^\d+ rows collected, \d+ flows with retransmissions$", done.stdout, re.M)


@pytest.mark.root
def test_an_unknown_interface_names_those_there_are(run, netns, tmp_path):
    done = run("features", "eth77", "--netns", netns(), "-d", "1", cwd=tmp_path)
    assert done.returncode in (USAGE, CANNOT) and not done.stdout
    assert "eth77" in done.stderr and "lo" in done.stderr and done.stderr.count("crosscut: error") == 1
    assert not list(tmp_path.iterdir()), "a run that could not start leaves no file"


@pytest.mark.root
def test_without_privilege_it_says_what_it_needs(run_as_nobody):
    done = run_as_nobody("features", "lo", "-d", "1", "--out", "-")
    assert done.returncode == CANNOT and not done.stdout
    assert "CAP_BPF" in done.stderr and os.geteuid() == 0
