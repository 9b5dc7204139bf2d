"""The mistakes of the leaky twins, each of which keeps a known number of bytes. Standard library only.

A leak is an object with `keep(path, client)`, which is called for each request that counts. It fills what it keeps, as
memory that was never written to needs none.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

Scope = Dict[str, Any]
Client = Optional[Tuple[str, int]]
NOT_COUNTED = ("/health", "/collect")  # how often memcap asks for these is up to chance


class RequestLeak:
    """A log of all requests that nothing shortens: ``size`` bytes for each."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._log: List[bytes] = []

    def keep(self, path: str, client: Client) -> None:
        self._log.append(b"\1" * self._size)


class ConnectionLeak:
    """A buffer of ``size`` bytes for each client's address, kept when its connection is closed.

    The address has the port, which is another one for each connection.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._buffers: Dict[Client, bytes] = {}

    def keep(self, path: str, client: Client) -> None:
        if client not in self._buffers:
            self._buffers[client] = b"\1" * self._size


class Leaking:
    """ASGI middleware that lets a leak keep what it keeps of each request."""

    def __init__(self, app: Callable[..., Awaitable[None]], leak: Any) -> None:
        self._app = app
        self._leak = leak

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] not in NOT_COUNTED:
            client = scope["client"]
            self._leak.keep(scope["path"], client and tuple(client))
        await self._app(scope, receive, send)
