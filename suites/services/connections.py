"""The leak of connections: a protocol for ``uvicorn --http``, as an application does not see connections."""

from __future__ import annotations

import asyncio
import os
from typing import List

from leaks import buffer_size, make_buffer
from uvicorn.protocols.http.h11_impl import H11Protocol

BUFFERS: List[bytes] = []


class LeakingProtocol(H11Protocol):
    """HTTP with a buffer for each connection that is kept when the connection is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        BUFFERS.append(make_buffer(buffer_size(os.environ)))
