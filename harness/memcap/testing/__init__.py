"""Helpers for memory tests of one's own; ``memcap.pytest_plugin`` adds markers and the fixture ``memory_tracker``.

Sizes are in MB of 1,000,000 bytes. ``docs/pytest.md`` shows how they are used.
"""

from __future__ import annotations

from memcap.testing.helpers import (
    assert_memory_bounded,
    assert_memory_stable,
    get_memory_usage_mb,
    get_peak_memory_mb,
    memory_limit,
)
from memcap.testing.meters import METRICS
from memcap.testing.table import Checkpoint
from memcap.testing.tracker import MemoryTracker

__all__ = [
    "METRICS",
    "Checkpoint",
    "MemoryTracker",
    "assert_memory_bounded",
    "assert_memory_stable",
    "get_memory_usage_mb",
    "get_peak_memory_mb",
    "memory_limit",
]
