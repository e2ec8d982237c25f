# SPDX-License-Identifier: Apache-2.0
"""The command line as a person or a script meets it: help, errors, exit status, configuration."""
import json
import os
import signal
import subprocess

import pytest

COMMANDS = ("why", "observe", "record", "features", "doctor", "config", "lab")
OK, USAGE, CANNOT, FAILED = 0, 2, 3, 4


def one_line(text):
    """Errors are one line, with the program's name."""
    assert text.count("\n") == 1, text
    assert text.startswith("crosscut: error: "), text
    return text[len("crosscut: error: "):].rstrip("\n")


# ---- help ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [(), ("help",), ("--help",), ("-h",)])
def test_the_table_of_commands(run, args):
    done = run(*args)
    assert done.returncode == OK and not done.stderr
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_in_all_ways(run, command):
    answers = [run(command, "--help"), run(command, "-h"), run("help", command)]
    assert {done.returncode for done in answers} == {OK}
    assert len({done.stdout for done in answers}) == 1
    assert f"Usage: crosscut {command}" in answers[0].stdout and "\nExamples\n" in answers[0].stdout
    assert all(len(line) <= 120 and line == line.rstrip() for line in answers[0].stdout.splitlines())


@pytest.mark.root
@pytest.mark.parametrize("args", [(), ("--version",), ("why", "--help"), ("help", "--markdown", "options"),
                                  ("config", "dump"), ("doctor", "--help")])
def test_help_needs_no_privilege(run_as_nobody, args):
    done = run_as_nobody(*args)
    assert done.returncode == OK and done.stdout and not done.stderr


def test_version(run):
    done = run("--version")
    assert done.returncode == OK and done.stdout.startswith("crosscut ")


@pytest.mark.parametrize("page", ["options", "commands", "patterns", "probes", "features", "events"])
def test_reference_pages(run, page):
    done = run("help", "--markdown", page)
    assert done.returncode == OK and done.stdout.startswith("<!-- SPDX")
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) > 4


# ---- errors -------------------------------------------------------------------------------------

@pytest.mark.parametrize("args, message", [
    (["wy"], "no command 'wy'; crosscut help shows them all"),
    (["help", "wy"], "no command 'wy'; crosscut help shows them all"),
    (["help", "--markdown", "x"], "help --markdown needs a page: options, commands, patterns, probes, features or events"),
    (["why", "--durtion", "5s"], "unknown option --durtion; did you mean --duration?"),
    (["why", "--duration", "5x"], "--duration: '5x' is no time; write 300ms, 5s, 2m or 1h"),
    (["why", "--grace", "1s"], "--grace: '1s' is out of range; give 10ms to 500ms"),
    (["why", "-o", "xml"], "--output: 'xml' is none of text, json"),
    (["why", "-q", "-q"], "--quiet is given twice; leave one out"),
    (["why", "what"], "unexpected argument 'what'; see crosscut help why"),
    (["doctor", "--grace", "50ms"], "--grace is no option of doctor; see crosscut help doctor"),
    (["config"], "config needs a word: dump, or check FILE"),
    (["config", "check"], "config needs a word: dump, or check FILE"),
    (["config", "dump", "a", "b"], "unexpected argument 'b'; see crosscut help config"),
    (["why", "--config", "/nonexistent"],
     "/nonexistent: No such file or directory; name a readable configuration file"),
])
def test_wrong_usage(run, args, message):
    done = run(*args)
    assert done.returncode == USAGE and not done.stdout
    assert one_line(done.stderr) == message


def test_an_argument_cannot_write_to_the_terminal(run):
    done = run("why", "--duration", "\x1b[31m")
    assert done.returncode == USAGE and "\x1b" not in done.stderr


@pytest.mark.root
def test_without_privilege_it_says_what_it_needs(run_as_nobody):
    done = run_as_nobody("why", "--duration", "1s")
    assert done.returncode == CANNOT and not done.stdout
    assert "CAP_BPF" in done.stderr


@pytest.mark.parametrize("args", [("help",), ("config", "dump")])
def test_results_that_cannot_be_written(run, args):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = run(*args, stdout=full)
    assert done.returncode == FAILED
    assert one_line(done.stderr).startswith("cannot write the results")


# ---- configuration ------------------------------------------------------------------------------

@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "crosscut.yaml"
        path.write_text(text)
        return path
    return write


def dump(run, *args, **kwargs):
    done = run("config", "dump", "-o", "json", *args, **kwargs)
    assert done.returncode == OK, done.stderr
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


def test_dump_tells_values_and_origins(run, config):
    path = config("grace: 20ms\nmax_cases: 100\nstats: on\n")
    rows = dump(run, "--config", path, "--max-cases", "300", env={"CROSSCUT_STATS": "off"})
    assert (rows["grace"]["value"], rows["grace"]["origin"]) == ("20ms", "file")
    assert (rows["grace"]["file"], rows["grace"]["line"]) == (str(path), 1)
    assert (rows["max_cases"]["value"], rows["max_cases"]["origin"]) == ("300", "flag")
    assert (rows["stats"]["value"], rows["stats"]["origin"]) == ("off", "environment")
    assert (rows["syn_timeout"]["value"], rows["syn_timeout"]["origin"]) == ("5s", "default")
    assert rows["pid"]["value"] is None


def test_a_dump_is_a_configuration_file(run, config):
    first = run("config", "dump", "--netns", "a b", "--not", "--from", "10.0.0.0/8", "--port", "443", "-d", "90s")
    path = config(first.stdout)
    assert run("config", "check", path).returncode == OK
    again = run("config", "dump", "--config", path)
    assert [line.split(" # ")[0] for line in again.stdout.splitlines()] == \
        [line.split(" # ")[0] for line in first.stdout.splitlines()]


def test_check_tells_file_and_line(run, config):
    path = config("# all is well\ngrace: 40ms\n")
    done = run("config", "check", path)
    assert (done.returncode, done.stdout, done.stderr) == (OK, f"{path}: ok\n", "")
    path = config("# not well\ngrace: 40ms\nsyn_timeout: never\n")
    done = run("config", "check", path)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr == f"{path}:3: syn-timeout: 'never' is no time; write 300ms, 5s, 2m or 1h\n"


def test_a_wrong_file_stops_the_command(run, config):
    path = config("graze: 40ms\n")
    done = run("why", "--config", path)
    assert done.returncode == USAGE
    assert one_line(done.stderr) == f"{path}:1: unknown key 'graze'; did you mean grace?"


def test_switched_off_by_configuration(run, config):
    done = run("why", "--config", config("network-correlator:\n  enabled: false\n"))
    assert done.returncode == OK and not done.stdout
    assert "switched off by the configuration" in done.stderr


# ---- lab ----------------------------------------------------------------------------------------

def test_lab_hands_over_arguments_and_the_binary(run, crosscut, tmp_path):
    (tmp_path / "lab.py").write_text("import os, sys\nprint(os.environ['CROSSCUT'], *sys.argv[1:])\nsys.exit(7)\n")
    done = run("lab", "run", "--no-crosscut", "-o", "json", env={"CROSSCUT_LAB": str(tmp_path)})
    assert done.returncode == 7
    assert done.stdout == f"{os.path.realpath(crosscut)} run --no-crosscut -o json\n"


def test_lab_is_found_beside_the_build(run):
    done = run("lab", "list")
    assert done.returncode == OK and "refused" in done.stdout


def test_lab_that_is_not_there(run, tmp_path):
    done = run("lab", "list", env={"CROSSCUT_LAB": str(tmp_path)})
    assert done.returncode == CANNOT
    assert one_line(done.stderr).startswith(f"lab: no lab.py in CROSSCUT_LAB={tmp_path}")


# ---- running ------------------------------------------------------------------------------------

@pytest.mark.root
def test_ends_after_its_duration(run, netns):
    done = run("why", "--netns", netns(), "-o", "json", "--duration", "200ms")
    assert (done.returncode, done.stdout) == (OK, "")
    assert "crosscut: watching" in done.stderr


@pytest.mark.root
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(watching, netns, sig):
    watcher = watching("why", "--netns", netns())
    watcher.process.send_signal(sig)
    assert watcher.process.wait(10) == OK


@pytest.mark.root
def test_quiet_says_nothing_but_results(run, netns):
    done = run("why", "--netns", netns(), "--duration", "200ms", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (OK, "", "")


@pytest.mark.root
def test_a_refused_connection_is_explained_and_fails_on_demand(watching, netns):
    name = netns()
    watcher = watching("why", "--netns", name, "-o", "json", "--count", "1", "--fail-on", "error")
    client = subprocess.run(["ip", "netns", "exec", name, "/usr/bin/python3", "-c",
                             "import socket; socket.create_connection(('127.0.0.1', 4711), 5)"],
                            capture_output=True, text=True, timeout=30, check=False)
    assert "ConnectionRefusedError" in client.stderr
    assert watcher.process.wait(10) == 1
    watcher.stop()
    found = watcher.findings()
    assert [f["pattern_id"] for f in found] == ["nothing-listens"]
    assert found[0]["error"] == "ECONNREFUSED"
    assert found[0]["connection"]["server"] == {"ip": "127.0.0.1", "port": 4711}
