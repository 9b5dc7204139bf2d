"""A daemon that is restarted under a soak, or stops for a while, loses no sample: a real one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.measuring import write_project
from integration.own_daemon import Daemon, own_daemon
from integration.soak_clients import LEAK, SoakClients, report

pytestmark = pytest.mark.docker

LIMITS = """
[caps]
64m = "64MiB"
[profiles.quick]
runs = 1
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with own_daemon() as made:
        yield made


@pytest.fixture
def soak(daemon: Daemon, tmp_path: Path) -> Iterator[SoakClients]:
    clients = SoakClients(write_project(tmp_path, limits=LIMITS, suite=""), daemon.url)
    yield clients
    with daemon.client() as client:
        assert clients.remove_all(client) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_daemon_ends_it_with_all_samples(
    daemon: Daemon, soak: SoakClients, tmp_path: Path, number: signal.Signals
) -> None:
    running = soak("py312", "--duration", "1h", "--interval", "1s", "--", "python", "-c", LEAK)
    soak.wait_for_samples(running, 20)
    daemon.end(number)
    daemon.start()
    out, _ = soak.ended(running, 95)
    found = report(tmp_path)
    assert len(found["samples"]) >= 20
    assert found["verdict"]["class"] == "linear_leak"
    assert "Ended" in out
