"""Ask for, and assert, the memory of this process without a tracker; limit the memory of one test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from memcap.errors import MemcapError, UsageError
from memcap.testing.meters import lifetime_peak_bytes
from memcap.testing.reading import tree_bytes
from memcap.testing.table import MEGABYTE, Checkpoint

_Test = TypeVar("_Test", bound=Callable[..., object])


def get_memory_usage_mb() -> float:
    """Return the resident memory of this process and its children, in MB (1 MB = 1,000,000 bytes)."""
    return tree_bytes(os.getpid(), exactly=True) / MEGABYTE


def get_peak_memory_mb() -> float:
    """Return the largest resident size that this process ever had, in MB; children are not in it."""
    return lifetime_peak_bytes() / MEGABYTE


def assert_memory_bounded(*, max_mb: float) -> None:
    """Raise AssertionError if this process and its children hold more than ``max_mb`` now."""
    __tracebackhide__ = True
    found = get_memory_usage_mb()
    if found > max_mb:
        raise AssertionError(
            f"this process and its children hold {found:.1f} MB, over the bound of {max_mb:g} MB "
            "(resident memory; 1 MB is 1,000,000 bytes)"
        )


def assert_memory_stable(*, checkpoints: Sequence[float | Checkpoint], tolerance_mb: float) -> None:
    """Raise AssertionError if ``checkpoints``, in MB or a tracker's, lie further apart than ``tolerance_mb``.

    Raises UsageError for fewer than two of them, which say nothing.
    """
    __tracebackhide__ = True
    if len(checkpoints) < 2:
        raise UsageError("one checkpoint cannot be unstable", remedy="Give assert_memory_stable two or more.")
    sizes = [each.mb if isinstance(each, Checkpoint) else each for each in checkpoints]
    spread = max(sizes) - min(sizes)
    if spread > tolerance_mb:
        listed = ", ".join(f"{each:.1f}" for each in sizes)
        raise AssertionError(
            f"memory was not stable: the checkpoints lie {spread:.1f} MB apart, beyond the tolerance of "
            f"{tolerance_mb:g} MB\ncheckpoints in MB: {listed}"
        )


def memory_limit(max_mb: float) -> Callable[[_Test], _Test]:
    """Decorate a test, or a class of tests, that pytest is to run in a process of its own, held to ``max_mb`` MB.

    The process and its children count, with all that they hold: the interpreter, pytest and what they import. A test
    over it fails, and the others go on. The pytest plugin of memcap does it; without pytest nothing is limited.
    Raises UsageError for a limit that is not positive, MemcapError where pytest is not installed.
    """
    if not max_mb > 0:
        raise UsageError(f"memory_limit(max_mb={max_mb!r}) is no limit", remedy="Use a number of MB above 0.")
    try:
        import pytest  # noqa: PLC0415 - memcap does not depend on it
    except ImportError as error:
        raise MemcapError("memory_limit needs pytest", remedy="pip install 'memcap[pytest]'") from error
    mark: Callable[[_Test], _Test] = pytest.mark.memory_limit(max_mb=max_mb)
    return mark
