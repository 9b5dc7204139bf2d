"""The orders for the client, `probe/memcap_load`: what to send, where, and when to start."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from memcap.errors import UsageError
from memcap.model import LoadRequest, LoadSpec, LoadTarget
from memcap.probe.memcap_load import FORMAT
from memcap.strict import quote

_ADDRESSES: Final = "Write it like http://localhost:8000, tcp://localhost:8000 or unix:/run/app.sock."
_DEFAULT_TYPE: Final = "application/octet-stream"


def parse_target(text: str) -> LoadTarget:
    """Return where requests go: ``http://HOST[:PORT]/…``, ``tcp://HOST:PORT`` or ``unix:/PATH``.

    Raises UsageError.
    """
    if text.startswith("unix:/"):
        return LoadTarget(unix="/" + text.removeprefix("unix:").lstrip("/"))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{quote(text)!r} is not an address of a server: {error}", remedy=_ADDRESSES) from error
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(
            f"{quote(text)!r}: an address has no spaces and only ASCII characters", remedy="Write others as %20, say."
        )
    if parts.scheme == "https":
        raise UsageError(
            f"{quote(text)!r}: the load client does not speak TLS", remedy="Use the server's http:// port."
        )
    if parts.scheme not in ("http", "tcp") or not host or (port is None and parts.scheme == "tcp") or port == 0:
        raise UsageError(f"{quote(text)!r} is not an address of a server", remedy=_ADDRESSES)
    if parts.username is not None:
        raise UsageError(
            f"{quote(text)!r}: the load client does not send the name and password of an address",
            remedy="Leave them out; the load can have header='Authorization: ...'.",
        )
    if ":" in host:
        raise UsageError(f"{quote(text)!r}: the load client does not speak IPv6", remedy="Use localhost or 127.0.0.1.")
    return LoadTarget(host=host, port=port or 80)


def make_orders(
    spec: LoadSpec, target: LoadTarget, *, seed: int, bodies: Mapping[str, bytes], start_file: str | None = None
) -> dict[str, Any]:
    """Return the orders for a load at level 1, to be written as JSON; see `LoadSpec.at_level`.

    ``bodies`` are the contents of the files that the requests name. The client waits until ``start_file`` is there.
    """
    return {
        "format": FORMAT,
        "target": {"unix": target.unix} if target.unix is not None else {"host": target.host, "port": target.port},
        "requests": [_order(request, bodies) for request in spec.requests],
        "count": spec.count,
        "rate": spec.rate,
        "concurrency": spec.concurrency,
        "keep_alive": spec.keep_alive,
        "timeout_seconds": spec.timeout_seconds,
        "seed": seed,
        "start_file": start_file,
    }


def _order(request: LoadRequest, bodies: Mapping[str, bytes]) -> dict[str, Any]:
    headers = [list(header) for header in request.headers]
    body = None
    if request.body is not None:
        body = base64.b64encode(bodies[request.body]).decode("ascii")
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(["Content-Type", _content_type(request.body)])
    return {
        "method": request.method, "path": request.path, "headers": headers, "body": body, "weight": request.weight
    }  # fmt: skip


def _content_type(name: str) -> str:
    """Return the type of a file by its name, the same on every machine."""
    return mimetypes.MimeTypes().guess_type(name)[0] or _DEFAULT_TYPE
