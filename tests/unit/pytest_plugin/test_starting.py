"""Tests that start processes, in every way that Python has: starting one needs no second time what its parent holds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unit.pytest_plugin.conftest import Session

pytest_plugins = ["pytester"]
pytestmark = [
    pytest.mark.allow_processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and children that share memory"),
]

WAYS = """
import multiprocessing
import os
import subprocess
import time
import pytest

pytestmark = pytest.mark.memory(max_mb=45)
held = b"x" * 80_000_000

def forked(program):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.execv("/bin/true", ["true"]) if program else os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

@pytest.mark.parametrize("number", range(10))
class TestWays:
    def test_subprocess(self, number): subprocess.run(["true"], check=True)
    def test_session(self, number): subprocess.run(["true"], check=True, start_new_session=True)
    def test_fork_for_exec(self, number): subprocess.run(["true"], check=True, preexec_fn=lambda: None)
    def test_posix_spawn(self, number):
        assert os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)[1] == 0
    def test_fork(self, number): forked(program=False)
    def test_fork_and_exec(self, number): forked(program=True)

@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method):
    process = multiprocessing.get_context(method).Process(target=time.sleep, args=(0,))
    process.start()
    process.join()
    assert process.exitcode == 0
"""


def test_a_process_that_starts_others_is_not_counted_twice(session: Session) -> None:
    session(WAYS, "-W", "ignore").assert_outcomes(passed=63)
