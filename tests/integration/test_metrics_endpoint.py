"""Metrics over HTTP: on loopback alone, in the format that the reader asks for; of a soak while it runs."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from integration.measuring import scaled, write_project
from integration.soak_clients import LEAK, SoakClients
from metrics_text import read_openmetrics, read_prometheus

from factories import make_cell, make_result
from memcap.errors import UsageError
from memcap.report.metric_family import MetricCollector
from memcap.report.metric_table import USAGE
from memcap.store import save_result
from memcap.workflows.metrics_endpoint import LOOPBACK, MetricsEndpoint

if TYPE_CHECKING:
    from docker import DockerClient

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
# What Prometheus 2.42 sends, and what it sends if OpenMetrics is not to be asked for.
PROMETHEUS_ASKS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
ASKS_FOR_TEXT = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
_ADDRESS = re.compile(r"^metrics: (\S+?),? ?(?:until Ctrl-C)?$", re.MULTILINE)
_PROJECT = '[caps]\n128m = "128MiB"\n[profiles.quick]\nruns = 1\n'


def ask(address: str, accept: str | None = None, method: str = "GET", path: str = "") -> tuple[int, str, str]:
    """Return the status, the content type and the body of an answer."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=scaled(30))
    connection.request(method, path or parts.path, headers={} if accept is None else {"Accept": accept})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], body


@pytest.fixture
def endpoint() -> Iterator[MetricsEndpoint]:
    found = MetricCollector()
    found.add(USAGE, {"soak": 'a"\n\\'}, 17, 1_700_000_000)
    with MetricsEndpoint(0) as served:
        served.publish(found.points())
        yield served


@pytest.mark.parametrize(
    ("accept", "kind"),
    [(None, OPENMETRICS), ("*/*", OPENMETRICS), (PROMETHEUS_ASKS, OPENMETRICS), (ASKS_FOR_TEXT, PLAIN)],
)
def test_each_reader_gets_its_format(endpoint: MetricsEndpoint, accept: str | None, kind: str) -> None:
    status, found, body = ask(endpoint.address, accept)
    (family,) = (read_openmetrics if kind == OPENMETRICS else read_prometheus)(body)

    assert (status, found) == (200, kind)
    assert [(each.labels, each.value, each.timestamp) for each in family.samples] == [({"soak": 'a"\\n\\'}, 17, None)]


def test_what_is_published_next_is_served_next(endpoint: MetricsEndpoint) -> None:
    endpoint.publish(())
    assert ask(endpoint.address)[2] == "# EOF\n"


def test_other_paths_and_methods(endpoint: MetricsEndpoint) -> None:
    assert ask(endpoint.address, path="/")[0] == 404
    assert ask(endpoint.address, path="/metrics?name=x")[0] == 200
    assert ask(endpoint.address, method="HEAD") == (200, OPENMETRICS, "")
    assert ask(endpoint.address, method="POST")[0] == 501


def test_a_reader_that_goes_away_is_nothing_to_speak_of(
    endpoint: MetricsEndpoint, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even one that resets the connection while it is answered."""
    found = MetricCollector()
    for number in range(20_000):
        found.add(USAGE, {"soak": str(number)}, number)
    endpoint.publish(found.points())
    parts = urlsplit(endpoint.address)
    for words in (b"GET /metrics HTTP/1.1\r\n\r\n", b"\x00\xff nonsense\r\n\r\n", b""):
        with socket.create_connection((LOOPBACK, parts.port or 0)) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            rude.sendall(words)

    assert len(ask(endpoint.address)[2]) > 100_000
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_loopback_alone(endpoint: MetricsEndpoint) -> None:
    """Nothing but 127.0.0.1 gets an answer, not even another address of the loopback interface."""
    port = urlsplit(endpoint.address).port
    assert port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=scaled(10))


def test_a_port_that_is_taken_is_refused(endpoint: MetricsEndpoint) -> None:
    port = urlsplit(endpoint.address).port
    assert port
    with pytest.raises(UsageError, match=f"port {port} of {LOOPBACK} cannot be used") as raised:
        MetricsEndpoint(port)
    assert "0 takes a free one" in raised.value.remedy


def test_a_stored_result_is_served_until_ctrl_c(tmp_path: Path) -> None:
    save_result(make_result(make_cell()), tmp_path / "a.json", overwrite=False)
    words = ["report", "a.json", "--no-check", "--metrics-port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "memcap", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        address = _ADDRESS.search(running.stderr.readline())
        assert address
        _, _, body = ask(address[1])
        running.send_signal(2)
        assert running.wait(timeout=scaled(60)) == 0
    names = {sample.name for family in read_openmetrics(body) for sample in family.samples}
    assert {"memcap_unreclaimable_peak_bytes", "container_oom_events_total", "memcap_cap_bytes"} <= names


@pytest.mark.docker
def test_a_soak_is_served_while_it_runs(tmp_path: Path, docker_client: DockerClient) -> None:
    write_project(tmp_path, limits=_PROJECT, suite="")
    clients = SoakClients(tmp_path)
    words = ("py312", "--duration", "1h", "--interval", "1s", "--metrics-port", "0", "--", "python", "-c", LEAK)
    running = clients(*words)
    assert running.stderr is not None
    lines = iter(running.stderr)
    address = next(found[1] for line in lines if (found := _ADDRESS.search(line)))
    clients.wait_for_samples(running, 4)

    first, then = _usage(address), _usage(address)
    deadline = time.monotonic() + scaled(60)
    while then <= first and time.monotonic() < deadline:
        time.sleep(0.5)
        then = _usage(address)
    running.send_signal(2)
    running.communicate(timeout=scaled(120))

    assert then > first  # it keeps 1 MB a second
    assert clients.remove_all(docker_client) == []
    with pytest.raises(ConnectionRefusedError):
        ask(address)


def _usage(address: str) -> float:
    families = {family.name: family for family in read_openmetrics(ask(address)[2])}
    (running,), (usage,) = families["memcap_soak_running"].samples, families["container_memory_usage_bytes"].samples
    assert running.value == 1
    return float(usage.value)
