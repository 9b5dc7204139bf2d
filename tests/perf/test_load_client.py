"""The memory of the load client does not grow with the number of requests."""

from __future__ import annotations

from load_server import LoadServer
from perf.load_client import measure_load

from memcap.load import parse_target

MIB = 1024 * 1024


def test_memory_does_not_grow_with_requests() -> None:
    with LoadServer() as server:
        target = parse_target(f"tcp://localhost:{server.port}")
        few = measure_load("GET / rate=2000 for 0.1s concurrency=20", target)
        many = measure_load("GET / rate=2000 for 4s concurrency=20", target)
    assert (few.outcome.completed, many.outcome.completed) == (200, 8000)
    assert many.peak_bytes - few.peak_bytes < 1 * MIB
