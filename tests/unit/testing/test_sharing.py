"""Children between vfork and exec run in their parent's memory; real ones, held there for as long as the test looks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from memcap.testing import sharing
from memcap.testing.reading import descendants, tree_bytes
from memcap.testing.sharing import is_in_vfork, shares_memory

pytestmark = [
    pytest.mark.allow_processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children share memory on Linux only"),
]
MB = 1_000_000
# posix_spawn's child opens the pipe before it runs the program, and waits there for somebody to write.
IN_VFORK = """
import os, sys
data = b"x" * 60_000_000
print(flush=True)
os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)])
"""
FORKED = """
import os, sys
data = b"x" * 60_000_000
if os.fork() == 0:
    more = b"x" * 30_000_000
    print(flush=True)
    sys.stdin.read()
    os._exit(0)
os.wait()
"""


@pytest.fixture
def in_vfork(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Give the PIDs of a process with 60 MB and of its child that is yet to run its program."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-I", "-S", "-c", IN_VFORK, str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while not (children := list(descendants(process.pid))):
            assert process.poll() is None
        yield process.pid, children[0]
        pipe.write_bytes(b"")


@pytest.fixture
def forked() -> Iterator[tuple[int, int]]:
    """Give the PIDs of a process with 60 MB and of a fork of it with 30 MB more."""
    command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", FORKED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (child,) = descendants(process.pid)
        yield process.pid, child
        process.communicate(b"")


@pytest.mark.parametrize("can_compare", [True, False])
def test_memory_between_vfork_and_exec_counts_once(
    in_vfork: tuple[int, int], can_compare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, child = in_vfork
    if not can_compare:
        monkeypatch.setattr(sharing, "_comparison", lambda: None)

    assert shares_memory(child, parent, parent)
    assert is_in_vfork(child, parent, parent)
    assert 60 * MB < tree_bytes(parent, exactly=True) < 90 * MB


@pytest.mark.parametrize("can_compare", [True, False])
def test_a_fork_has_memory_of_its_own(
    forked: tuple[int, int], can_compare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, child = forked
    if not can_compare:
        monkeypatch.setattr(sharing, "_comparison", lambda: None)

    assert not shares_memory(child, parent, parent)
    assert not is_in_vfork(child, parent, parent)
    assert 90 * MB < tree_bytes(parent, exactly=True) < 125 * MB


def test_processes_that_are_gone_share_nothing() -> None:
    assert not shares_memory(2**22 + 1, 2**22 + 2, 2**22 + 2)
