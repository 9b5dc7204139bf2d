"""The output of a run without a container is kept in bounded memory, however much of it there is."""

from __future__ import annotations

import os
import threading

import pytest

from memcap.engine.process import Tail

LIMIT = 100_000
CHUNK = b"x" * 65_536


@pytest.mark.memory(max_mb=20)
@pytest.mark.allow_processes  # what watches the test's memory
def test_a_talkative_workload_is_kept_in_little_memory() -> None:
    reading, writing = os.pipe()
    tail = Tail(os.fdopen(reading, "rb"), limit=LIMIT)
    for _ in range(1600):  # 100 MB
        os.write(writing, CHUNK)
    os.write(writing, b"the end")
    os.close(writing)
    text = tail.text()

    assert LIMIT <= len(text) <= 3 * LIMIT
    assert text.endswith("the end")
    assert not any(thread is tail for thread in threading.enumerate())
