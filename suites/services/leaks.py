"""The leak of requests, and what lets a leak see them. Standard library only."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, List, Mapping

NOT_COUNTED = ("/health", "/collect")  # how often memcap asks for these is up to chance


def buffer_size(environ: Mapping[str, str]) -> int:
    """Return how many bytes a leak keeps each time."""
    return 1024 * int(environ.get("SHOP_LEAK_KIB", "16"))


def make_buffer(size: int) -> bytes:
    """Return a buffer whose bytes are written: memory that was never written to needs none."""
    return b"\1" * size


class RequestLeak:
    """A log of all requests that nothing shortens, with ``size`` bytes for each."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._log: List[bytes] = []

    def keep(self, path: str) -> None:
        self._log.append(make_buffer(self._size))


class Leaking:
    """ASGI middleware that shows each request to a leak."""

    def __init__(self, app: Callable[..., Awaitable[None]], leak: Any) -> None:
        self._app = app
        self._leak = leak

    async def __call__(self, scope: Dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] not in NOT_COUNTED:
            self._leak.keep(scope["path"])
        await self._app(scope, receive, send)
