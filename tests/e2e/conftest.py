# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: the binary, running it with a time limit, and namespaces of one test.

A skip says why. Nothing sleeps: tests wait for a line or a state, with a limit.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))

import hosts  # noqa: E402
import stage as stage_of_test  # noqa: E402
import watch as lab_watch  # noqa: E402

LIMIT_S = 30
NOBODY = 65534


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs root")


def pytest_collection_modifyitems(items):
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def crosscut():
    """Path of the binary under test: $CROSSCUT, or of the build directory."""
    path = pathlib.Path(os.environ.get("CROSSCUT") or ROOT / os.environ.get("BUILD", "build") / "crosscut")
    if not path.exists():
        pytest.fail(f"{path} does not exist: build it first (make)")
    os.environ["CROSSCUT"] = str(path)  # the lab's modules look there
    return str(path)


@pytest.fixture(scope="session")
def env():
    """The environment without settings of the person who runs the tests."""
    return {k: v for k, v in os.environ.items() if not k.startswith("CROSSCUT_") and k != "NO_COLOR"}


@pytest.fixture
def run(crosscut, env):
    """run(*args, env={...}, **kwargs) -> CompletedProcess of crosscut, with text output."""
    def runner(*args, **kwargs):
        extra = kwargs.pop("env", {})
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("timeout", LIMIT_S)
        return subprocess.run([crosscut, *map(str, args)], env=env | extra, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=False, **kwargs)
    return runner


@pytest.fixture
def run_as_nobody(crosscut, env):
    """Like run, as a user without any privilege, from a place that user can read."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        binary = shutil.copy(crosscut, place)
        # A coverage build writes where it was built, which nobody may: let it write here instead of complaining.
        counts = pathlib.Path(place, "gcov")
        counts.mkdir()
        counts.chmod(0o777)
        nobodys = env | {"GCOV_PREFIX": str(counts)}

        def runner(*args):
            return subprocess.run([binary, *map(str, args)], env=nobodys, cwd=place, user=NOBODY, group=NOBODY,
                                  extra_groups=[], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  check=False, timeout=LIMIT_S)
        yield runner


@pytest.fixture
def netns(request):
    """netns("a") makes a network namespace of this test, with its loopback up; gone when the test ends."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made = []

    def make(role="a"):
        unique = hashlib.sha256(f"{request.node.nodeid}-{os.getpid()}".encode()).hexdigest()[:8]
        name = f"xc-{unique}-{role}"
        subprocess.run(["ip", "netns", "add", name], check=True, timeout=LIMIT_S)
        made.append(name)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True, timeout=LIMIT_S)
        return name
    yield make
    for name in made:
        subprocess.run(["ip", "netns", "del", name], check=False, timeout=LIMIT_S)


@pytest.fixture
def watching(crosscut):
    """watching("why", ...) starts crosscut and returns once it is attached; stopped when the test ends."""
    started = []

    def start(*args):
        watcher = lab_watch.Watcher([crosscut, *map(str, args)])
        started.append(watcher)
        watcher.wait()
        return watcher
    yield start
    for watcher in started:
        watcher.stop()


@pytest.fixture
def stage(netns, watching):
    """A namespace for real servers and clients, watched by `observe`; its files are readable to every user."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        made = stage_of_test.Stage(netns(), watching, place)
        yield made
        made.close()


@pytest.fixture
def pair(netns):
    """Two hosts with a link between them."""
    one, other = netns("a"), netns("b")
    hosts.join(one, other)
    return one, other
