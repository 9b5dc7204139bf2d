"""Servers: an application of FastAPI that keeps something for each request, and what gunicorn serves."""

from __future__ import annotations

import functools
import os
import time

from fastapi import FastAPI
from pace import block

KIB = 1024
KEPT = os.environ.get("RECORDED_KEEPS", "nothing")
log: list[bytes] = []
application = FastAPI()


@functools.lru_cache(maxsize=800)
def read_item(number: int) -> bytes:
    """Return an item, which is cached."""
    return block(24 * KIB)


@application.get("/health")
def health() -> dict[str, str]:
    """Answer that it is ready."""
    return {"status": "ok"}


@application.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    """Answer with the size of an item."""
    if KEPT == "requests":
        log.append(block(8 * KIB))
    elif KEPT == "cache":
        read_item(time.monotonic_ns())  # each is new
    return {"number": number, "size": 24 * KIB}


def wsgi(environ: dict[str, object], start_response: object) -> list[bytes]:
    """Answer a request of WSGI; keep 24 KiB of each."""
    if environ["PATH_INFO"] != "/health":
        log.append(block(int(os.environ.get("RECORDED_KIB", "24")) * KIB))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])  # type: ignore[operator]
    return [b"ok"]
