"""Metrics over HTTP, for Prometheus on this machine: http://127.0.0.1:PORT/metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Final

from memcap.errors import UsageError
from memcap.report.metric_family import MetricPoints, without_times
from memcap.report.openmetrics import OPENMETRICS_TYPE, PROMETHEUS_TYPE, openmetrics_text, prometheus_text

LOOPBACK: Final = "127.0.0.1"
PATH: Final = "/metrics"
_OPENMETRICS: Final = "application/openmetrics-text"
_PLAIN: Final = "text/plain"


class _LoopbackServer(ThreadingHTTPServer):
    """A server of this machine alone, which says nothing of readers that go away."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, without asking for the name of the address, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a reader that went away, or sent nonsense: the next one is served all the same."""


class MetricsEndpoint:
    """Serves what was published last, on loopback alone. Use as a context manager."""

    def __init__(self, port: int) -> None:
        """Listen on ``port``; 0 takes a free one. Raises UsageError if it cannot be had."""
        self._points: tuple[MetricPoints, ...] = ()
        try:
            self._server = _LoopbackServer((LOOPBACK, port), _handler(lambda: self._points))
        except OSError as error:
            raise UsageError(
                f"--metrics-port: port {port} of {LOOPBACK} cannot be used: {error.strerror or error}",
                remedy="Choose another port; 0 takes a free one.",
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="memcap-metrics", daemon=True)

    @property
    def address(self) -> str:
        """Return where the metrics are."""
        return f"http://{LOOPBACK}:{self._server.server_port}{PATH}"

    def publish(self, points: Iterable[MetricPoints]) -> None:
        """Serve ``points`` from now on; their times are left out, as the reader knows when it asks."""
        self._points = without_times(points)

    def __enter__(self) -> MetricsEndpoint:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Serve until the process is interrupted."""
        threading.Event().wait()


def _handler(points: Callable[[], tuple[MetricPoints, ...]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0  # of a client that sends nothing
        server_version = "memcap"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            if self.path.partition("?")[0] != PATH:
                self._send(HTTPStatus.NOT_FOUND, f"memcap: the metrics are at {PATH}\n", PROMETHEUS_TYPE, with_body)
            elif is_openmetrics(self.headers.get("Accept", "")):
                self._send(HTTPStatus.OK, openmetrics_text(points()), OPENMETRICS_TYPE, with_body)
            else:
                self._send(HTTPStatus.OK, prometheus_text(points()), PROMETHEUS_TYPE, with_body)

        def _send(self, status: HTTPStatus, text: str, kind: str, with_body: bool) -> None:
            body = text.encode("utf-8", "replace")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: each scrape would be a line."""

    return Handler


def is_openmetrics(accept: str) -> bool:
    """Tell whether a reader gets OpenMetrics: unless it asks for plain text, and not for OpenMetrics."""
    return _OPENMETRICS in accept or _PLAIN not in accept
