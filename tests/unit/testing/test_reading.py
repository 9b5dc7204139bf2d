"""What processes hold, read from real ones."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys

import pytest

from memcap.testing.reading import (
    descendants,
    has_memory,
    own_peak_bytes,
    process_rows,
    reset_own_peak,
    tree_bytes,
    tree_unreclaimable_bytes,
)

MB = 1_000_000
HOLD = "import sys; data = b'x' * {size}; print(flush=True); sys.stdin.read()"


def holding(size: int) -> subprocess.Popen[bytes]:
    """Start a Python that holds ``size`` bytes until its input is closed; it holds them when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", HOLD.format(size=size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_what_is_allocated_is_seen() -> None:
    before = tree_bytes(os.getpid(), exactly=True)
    with mmap.mmap(-1, 40 * MB) as memory:  # not of the C library, which may have as much to spare
        for _ in range(40):
            memory.write(b"x" * MB)
        assert tree_bytes(os.getpid(), exactly=True) - before == pytest.approx(40 * MB, abs=MB)


@pytest.mark.allow_processes
def test_children_count_with_what_they_hold() -> None:
    before = tree_bytes(os.getpid(), exactly=True)
    with holding(50 * MB) as child:
        held = tree_bytes(os.getpid(), exactly=True) - before
        alone = tree_bytes(child.pid, exactly=True)
        found = list(descendants(os.getpid()))
        assert child.stdin is not None
        child.stdin.close()

    assert child.pid in found
    assert 50 * MB < held < 70 * MB
    assert alone >= held - MB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks share pages; elsewhere children are no forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.allow_processes
def test_what_a_fork_shares_with_its_parent_counts_once() -> None:
    shared = b"x" * (60 * MB)
    before = tree_bytes(os.getpid(), exactly=True)
    gone, stay = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(stay)
        os.read(gone, 1)
        os._exit(0)
    try:
        held = tree_bytes(os.getpid(), exactly=True) - before
    finally:
        os.close(stay)
        os.close(gone)
        os.waitpid(child, 0)

    assert held < len(shared) / 2


def test_a_process_that_is_gone_holds_nothing() -> None:
    assert tree_bytes(2**22 + 1) == 0
    assert list(descendants(2**22 + 1)) == []


def test_the_peak_begins_anew_when_it_is_reset() -> None:
    if not reset_own_peak():
        pytest.skip("the peak of a process cannot be reset here")
    before = own_peak_bytes()
    assert before is not None
    with mmap.mmap(-1, 50 * MB) as memory:  # given back to the kernel at once
        memory.write(b"x" * (50 * MB))
    spike = own_peak_bytes()
    reset_own_peak()
    after = own_peak_bytes()

    assert spike is not None
    assert after is not None
    assert spike - before > 45 * MB
    assert spike - after > 45 * MB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PSS")
@pytest.mark.allow_processes
def test_unreclaimable_memory_has_no_files_and_no_page_twice() -> None:
    with holding(0) as small, holding(50 * MB) as large:
        sizes = [tree_unreclaimable_bytes(each.pid) for each in (small, large)]
        rows = {pid: (parent, name, rss) for pid, parent, name, rss in process_rows(os.getpid())}
        for each in (small, large):
            assert each.stdin is not None
            each.stdin.close()

    assert sizes[0] is not None and sizes[1] is not None  # noqa: PT018
    assert sizes[1] - sizes[0] == pytest.approx(50 * MB, abs=MB)
    assert rows[os.getpid()][0] == 0
    assert rows[large.pid][0] == os.getpid()
    assert rows[large.pid][1].startswith("python")
    assert rows[large.pid][2] > 50 * MB
    assert sizes[0] < rows[small.pid][2]  # its program and libraries are files
    assert tree_unreclaimable_bytes(large.pid) is None
    assert has_memory(os.getpid())
    assert not has_memory(large.pid)
