"""The fixture ``memory_server`` without a container: figures of servers whose truth is known, and their ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from documents import python_blocks
from pytest_servers import SERVER

if TYPE_CHECKING:
    from unit.pytest_plugin.conftest import Session

pytest_plugins = ["pytester"]
pytestmark = [
    pytest.mark.allow_processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PSS"),
]

COMMON = f"""
import os, signal, sys, time
import urllib.request
import pytest
from pathlib import Path

MIB = 1024 * 1024
SERVER = {SERVER!r}
READY = "http://127.0.0.1:{{port}}/"

def program(*words):
    return [sys.executable, "-c", SERVER, "{{port}}", *words]

def get(server, path):
    with urllib.request.urlopen(server.url + path) as answer:
        assert answer.read() == b"ok"
"""

FIGURES = """
def test_kept_per_request(memory_server):
    server = memory_server(program(), ready=READY)
    for _ in range(64):
        get(server, f"/keep/{128 * 1024}")
    assert server.kept_bytes == pytest.approx(8 * MIB, rel=0.05)
    before = server.settled(0.5)
    for _ in range(128):
        get(server, f"/keep/{128 * 1024}")
    assert server.settled(0.5) - before == pytest.approx(16 * MIB, rel=0.02)

def test_phases(memory_server):
    server = memory_server(program(), ready=READY)
    assert server.is_running and server.ending is None
    assert server.address == f"127.0.0.1:{server.port}"
    server.mark("load")
    get(server, f"/keep/{20 * MIB}")
    time.sleep(0.2)
    server.mark("after")
    get(server, "/drop")
    rest = server.settled(0.5)
    assert server.stop() == "completed"
    assert not server.is_running
    names = {phase.name: phase for phase in server.phases}
    assert list(names) == ["start", "ready", "load", "after", "stop"]
    held = names["ready"].settled_bytes
    assert names["load"].unreclaimable_peak_bytes - held == pytest.approx(20 * MIB, rel=0.02)
    assert server.unreclaimable_peak_bytes - held == pytest.approx(20 * MIB, rel=0.02)
    assert abs(names["after"].settled_bytes - rest) < 65536
    assert abs(server.kept_bytes) < MIB
    assert server.peak_bytes is None

def test_a_page_of_several_processes_counts_once(memory_server):
    alone = memory_server(program(), ready=READY)
    shared = memory_server(program("workers"), ready=READY)
    more = shared.settled(0.5) - alone.settled(0.5)
    assert 8 * MIB < more < 16 * MIB
    assert shared.workers.most == 3
    assert alone.workers.most == 1

def test_a_lost_worker_is_counted(memory_server):
    server = memory_server(program("workers", "loses"), ready=READY)
    time.sleep(2)
    workers = server.workers
    assert (workers.most, workers.ended, workers.replaced) == (3, 1, 0)

def test_other_checks(memory_server, tmp_path):
    by_tcp = memory_server(program(), ready="tcp://127.0.0.1:{port}", env={"PLACE": "{port}"})
    code = f"import os, time; open('ready', 'w').write(os.environ['PLACE']); time.sleep(60)"
    by_file = memory_server([sys.executable, "-c", code], ready="test -s ready", cwd=tmp_path, env={"PLACE": "here"})
    assert (tmp_path / "ready").read_text() == "here"
    assert by_tcp.port and by_file.port is None
    with pytest.raises(Exception, match="address is not known"):
        by_file.url
"""


def test_figures_are_true(session: Session) -> None:
    session(COMMON + FIGURES).assert_outcomes(passed=5)


PROBLEMS = """
def test_never_ready(memory_server):
    memory_server(program("silent"), ready=READY, ready_timeout=1)

def test_fails_at_start(memory_server):
    memory_server(program("fails"), ready=READY)

def test_dies(memory_server):
    server = memory_server(program(), ready=READY)
    with pytest.raises(OSError):
        get(server, "/die")
    server.settled()

def test_dies_unseen(memory_server):
    server = memory_server(program(), ready=READY)
    with pytest.raises(OSError):
        get(server, "/die")

def test_deaf(memory_server):
    memory_server(program("deaf"), ready=READY, grace=0.3)

def test_deaf_and_expected(memory_server):
    server = memory_server(program("deaf"), ready=READY, grace=0.3)
    assert server.stop() == "timed_out"

def test_used_port(memory_server):
    server = memory_server(program(), ready=READY)
    memory_server(program(), ready=server.url)

def test_failing(memory_server):
    server = memory_server(program(), ready=READY)
    assert server.kept_bytes > MIB

def test_options(memory_server):
    memory_server("", ready="localhost:80", ready_timout=3, grace=-1, cap="12", cwd="nowhere", env={"A": 1})

def test_no_program(memory_server):
    memory_server(["no-such-program"], ready=READY)
"""


def test_what_goes_wrong_is_told(session: Session) -> None:
    result = session(COMMON + PROBLEMS)

    result.assert_outcomes(passed=3, failed=7, errors=2)
    text = result.stdout.str()
    for words in (
        "memory_server: not_ready: not within 1.0 s: [Errno 111] Connection refused",
        "memory_server: failed: it ended with exit code 1 before it was ready",
        "no such table: users",
        "memory_server: failed: it ended with exit code 3",
        "the database is gone",
        "memory_server: timed_out: it did not end within 300 ms of SIGTERM, and was killed",
        "already\n  Let memcap choose a free port: write {port} in the command and in `ready`.",
        "measured: anonymous and shared memory of the server's processes, each page counted once (PSS)",
        "ready: ",
        "memory_server: memory_server has 7 problems; nothing was started.",
        "ready_timout: there is no such option; did you mean ready_timeout?",
        "ready: 'localhost:80' has no scheme",
        "grace: expected seconds above 0, not -1",
        "cap: size '12' has no unit",
        "cap: it is for containers; give `image` too",
        "cwd: there is no folder 'nowhere'",
        "env: expected names and values that are texts",
        "memory_server: the server 'no-such-program' could not be started: No such file or directory",
    ):
        assert words in text, words
    assert "Traceback" not in text
    assert "another exception" not in text


def test_the_example_of_the_document(session: Session) -> None:
    example = next(block for block in python_blocks("docs/pytest.md") if "memory_server(" in block)
    result = session(example)

    result.assert_outcomes(passed=1)


LEFT = """
def test_interrupted(memory_server):
    first = memory_server(program("workers"), ready=READY)
    Path("pid").write_text(str(first.pid))
    memory_server(program("silent", "deaf"), ready=READY, grace=0.3)
"""


def test_ctrl_c_leaves_nothing_behind(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=COMMON + LEFT)
    process = pytester.popen(
        [sys.executable, "-m", "pytest", "-p", "memcap.pytest_plugin", "test_it.py"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    place = pytester.path / "pid"
    deadline = time.monotonic() + 60
    while not (place.exists() and place.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) == 5  # one with three workers, and one that is not ready
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == pytest.ExitCode.INTERRUPTED
    assert not any(runs(each) for each in started)


def runs(process: psutil.Process) -> bool:
    """Tell whether it runs: one that ended may stay in the list of processes until its parent waits for it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_xdist(session: Session) -> None:
    pytest.importorskip("xdist")
    result = session(COMMON + FIGURES, "-p", "xdist", "-n", "2")

    result.assert_outcomes(passed=5)


def test_it_is_refused_where_the_test_itself_runs_in_a_container(session: Session) -> None:
    source = "import pytest\n@pytest.mark.memory\ndef test_it(memory_server): pass"
    result = session(source, "--memcap-docker", "my/prod:1")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*memory_server does not work inside of a container*"])
