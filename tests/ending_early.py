"""A module of tests whose process ends before the test does, and one that comes to its end."""

from __future__ import annotations

_TESTS = """
import os
import sys
import pytest

pytestmark = {mark}

def test_exit():
    os._exit(0)

def test_other_program():
    os.execv("/bin/true", ["true"])

def test_sys_exit():
    sys.exit(0)

def test_end_of_session():
    pytest.exit("enough", returncode=0)

def test_fork_that_comes_back():
    if os.fork():
        os._exit(0)

@pytest.fixture
def gone():
    yield
    os._exit(0)

def test_torn_down(gone): pass

def test_child():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


def ending_early(mark: str) -> str:
    """Return the module's text; ``mark`` is the mark of all its tests, as an expression."""
    return _TESTS.format(mark=mark)
