"""Freed memory goes back to the kernel, whichever allocator has it."""

from __future__ import annotations

import os
import subprocess
import sys
from ctypes.util import find_library

import pytest

CODE = """
from memcap.testing import MemoryTracker
with MemoryTracker() as tracker:
    for _ in range(3):
        kept = [bytes(1000) for _ in range(60_000)] + [bytearray(200_000) for _ in range(100)]
        del kept
        tracker.checkpoint("freed")
    print(tracker.get_delta_mb(), tracker.get_peak_delta_mb())
"""


@pytest.mark.allow_processes
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="preloads a library")
@pytest.mark.parametrize(("name", "keeps_mb"), [("c", 4), ("jemalloc", 4), ("tcmalloc_minimal", 16), ("mimalloc", 45)])
def test_what_was_freed_is_no_growth(name: str, keeps_mb: int) -> None:
    library = find_library(name)
    if library is None:
        pytest.skip(f"lib{name} is not installed")
    environment = {**os.environ, "LD_PRELOAD": library, "PYTHONMALLOC": "malloc"}
    ended = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    grew, rose = map(float, ended.stdout.split())
    assert rose > 70
    assert grew < keeps_mb
