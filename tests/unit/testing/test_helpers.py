"""The helpers that need no tracker."""

from __future__ import annotations

import mmap

import pytest

from memcap.errors import UsageError
from memcap.testing import (
    Checkpoint,
    assert_memory_bounded,
    assert_memory_stable,
    get_memory_usage_mb,
    get_peak_memory_mb,
    memory_limit,
)

MB = 1_000_000


def test_usage_is_what_is_held_now() -> None:
    before = get_memory_usage_mb()
    with mmap.mmap(-1, 40 * MB) as memory:
        for _ in range(40):  # in pieces: the C library need not give a large one back
            memory.write(b"x" * MB)
        assert get_memory_usage_mb() - before == pytest.approx(40, abs=3)
    assert get_memory_usage_mb() - before == pytest.approx(0, abs=3)


def test_the_peak_stays() -> None:
    with mmap.mmap(-1, 40 * MB) as memory:
        memory.write(b"x" * (40 * MB))
        held = get_memory_usage_mb()

    assert get_peak_memory_mb() >= held - 2
    assert get_peak_memory_mb() > get_memory_usage_mb() + 30


def test_bounded() -> None:
    assert_memory_bounded(max_mb=get_memory_usage_mb() + 50)
    with pytest.raises(AssertionError, match="over the bound of 1 MB"):
        assert_memory_bounded(max_mb=1)


def test_stable() -> None:
    assert_memory_stable(checkpoints=[50.0, 51.0, 50.5], tolerance_mb=1)
    with pytest.raises(AssertionError, match=r"2\.0 MB apart"):
        assert_memory_stable(checkpoints=[50.0, 52.0, 51.0], tolerance_mb=1)
    with pytest.raises(UsageError, match="two or more"):
        assert_memory_stable(checkpoints=[50.0], tolerance_mb=1)


def test_checkpoints_of_a_tracker_can_be_stable_too() -> None:
    first, second = (Checkpoint(name="", seconds=0, bytes=size * MB, peak_bytes=0) for size in (50, 53))

    assert_memory_stable(checkpoints=[first, second], tolerance_mb=3)
    with pytest.raises(AssertionError, match=r"3\.0 MB apart"):
        assert_memory_stable(checkpoints=[first, second], tolerance_mb=2)


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_must_be_above_nothing(limit: float) -> None:
    with pytest.raises(UsageError, match="is no limit"):
        memory_limit(max_mb=limit)


def test_the_decorator_is_a_marker() -> None:
    @memory_limit(max_mb=5)
    def decorated() -> int:
        return 3

    assert decorated() == 3
    (mark,) = decorated.pytestmark  # type: ignore[attr-defined]
    assert (mark.name, mark.kwargs) == ("memory_limit", {"max_mb": 5})
