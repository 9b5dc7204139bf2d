"""A worker of Celery with Redis, and the application that gives it a task for each request."""

from __future__ import annotations

import os

from celery import Celery
from pace import block

KIB = 1024
LEAKS = os.environ.get("RECORDED_KEEPS") == "tasks"
results: list[bytes] = []
queue = Celery("jobs", broker="redis://queue:6379/0")
queue.conf.task_ignore_result = True


@queue.task
def settle(number: int) -> int:
    """Settle an order; the leaking worker keeps 16 KiB of each."""
    order = block(16 * KIB)
    if LEAKS:
        results.append(order)
    return len(order)


def wsgi(environ: dict[str, object], start_response: object) -> list[bytes]:
    """Put a task into the queue for each request of WSGI."""
    if environ["PATH_INFO"] != "/health":
        settle.delay(1)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])  # type: ignore[operator]
    return [b"ok"]
