"""The plugin beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unit.pytest_plugin.conftest import Session

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.allow_processes

XDIST = """
import os
import pytest
from memcap.testing import memory_limit

@memory_limit(max_mb=150)
@pytest.mark.xdist_group("one")
def test_killed():
    data = [b"x" * 1_000_000 for _ in range(400)]

@pytest.mark.memory(max_mb=20)
def test_over():
    data = b"x" * 50_000_000

def test_tracker(memory_tracker):
    memory_tracker.assert_bounded(max_mb=20)

@memory_limit(max_mb=150)
def test_fine(tmp_path):
    assert os.environ["PYTEST_XDIST_WORKER"].startswith("gw")
"""

ASYNC = """
import asyncio
import pytest
from memcap.testing import memory_limit

@pytest.fixture
async def data():
    await asyncio.sleep(0)
    return b"x" * 30_000_000

@memory_limit(max_mb=200)
async def test_apart(data):
    await asyncio.sleep(0)
    assert len(data) == 30_000_000

@pytest.mark.memory(max_mb=10)
async def test_over():
    data = b"x" * 30_000_000
    await asyncio.sleep(0)

kept = []

@pytest.mark.memory(growth_mb=5, warmups=1)
async def test_warm(data):
    await asyncio.sleep(0)
    kept[:] = [b"x" * 30_000_000]

async def test_tracker(memory_tracker):
    await asyncio.sleep(0)
    memory_tracker.assert_bounded(max_mb=10)
"""

MEMRAY = """
import pytest
from memcap.testing import memory_limit

@pytest.mark.memory(metric="tracemalloc", max_mb=10)
def test_traced(): pass

@pytest.mark.memory(max_mb=100)
@pytest.mark.limit_memory("1 KB")
def test_both():
    data = bytearray(1_000_000)

@memory_limit(max_mb=300)
def test_apart(): pass
"""

TIMEOUT = """
import signal
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    def handler(number, frame):
        pytest.fail("too slow", pytrace=False)

    signal.signal(signal.SIGALRM, handler)
    signal.alarm(3)
    yield
    signal.alarm(0)
"""


def test_xdist(session: Session) -> None:
    pytest.importorskip("xdist")
    result = session(XDIST, "-p", "xdist", "-n", "2", "--dist", "loadgroup", "--memcap-report", "out.json")

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "memory_limit: the process of this test held * over its limit of 150.0 MB, and was ended in call",
            "memory rose by * MB, over the limit of 20 MB",
            "memcap: 4 tests in *out.json*",
        ]
    )


def test_asyncio(session: Session) -> None:
    pytest.importorskip("pytest_asyncio")
    result = session(ASYNC, "-p", "asyncio", "--asyncio-mode", "auto", "-W", "ignore")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["memory rose by * MB, over the limit of 10 MB"])


def test_memray_is_left_alone(session: Session) -> None:
    pytest.importorskip("pytest_memray")
    result = session(MEMRAY, "-p", "memray", "--memray")

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "pytest-memray tracks the allocations of this test; *",
            "Test was limited to 1.0KiB but allocated *",
            "*MEMRAY REPORT*",
        ]
    )


@pytest.mark.skipif("not hasattr(__import__('signal'), 'SIGALRM')", reason="signals interrupt tests on POSIX only")
def test_what_interrupts_the_wait_ends_the_process(session: Session, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(TIMEOUT)
    result = session(
        """
        import time
        from memcap.testing import memory_limit
        @memory_limit(max_mb=200)
        def test_slow(): time.sleep(600)
        def test_next(): pass
        """
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["too slow", "The process of this test was ended in call.", '  File "*test_it.py", line * in test_slow']
    )
