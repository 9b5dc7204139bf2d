"""A Docker client whose every conversation ends: the SDK bounds the silence between two bytes only, not the whole."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
from docker import APIClient, DockerClient

from memcap.units import format_seconds

_T = TypeVar("_T")

SLACK_SECONDS: Final = 5.0  # a daemon that is silent is found by the SDK first, and is another fault
TRANSFER_SECONDS: Final = 3600.0  # an image, or the files of a profile, over a slow line
SMALL_BYTES: Final = 1024 * 1024
_SLICE_SECONDS: Final = 0.5  # on Windows, Ctrl-C is not heard while one waits
_OPEN_ENDED: Final = ("/logs", "/events", "/attach", "/start")  # they last as long as a container, or a program in it


class AnswerUnfinished(TimeoutError):  # noqa: N818 - reads as what happened
    """The daemon answers, but does not come to an end."""


def within(seconds: float, ask: Callable[[], _T]) -> _T:
    """Return what ``ask`` returns. Raises what it raises, and AnswerUnfinished if it takes longer than ``seconds``.

    It goes on in a thread of its own then, until the daemon hangs up; that thread does not keep the process alive.
    """
    outcome: Future[_T] = Future()

    def answer() -> None:
        try:
            outcome.set_result(ask())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=answer, name="memcap-ask", daemon=True).start()
    left = seconds
    while not outcome.done() and left > 0:
        wait([outcome], timeout=min(left, _SLICE_SECONDS))
        left -= _SLICE_SECONDS
    if not outcome.done():
        raise AnswerUnfinished(f"the answer did not end within {format_seconds(seconds)}")
    return outcome.result()


class _BoundedApi(APIClient):
    """Give every request a total time: that of the SDK's own timeout, or of a transfer."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send ``request``; an answer that is not streamed is read to its end."""
        silence = options.get("timeout")
        seconds = float(silence if isinstance(silence, int | float) else self.timeout) + SLACK_SECONDS
        if _is_upload(request):
            seconds = max(seconds, TRANSFER_SECONDS)
        send = super().send
        response = within(seconds, lambda: send(request, **options))
        if options.get("stream") and not urlsplit(request.url or "").path.endswith(_OPEN_ENDED):
            _hang_up_after(TRANSFER_SECONDS, response)
        return response


class BoundedClient(DockerClient):
    """The SDK's client with bounded conversations."""

    def __init__(self, **options: Any) -> None:
        self.api = _BoundedApi(**options)


def _is_upload(request: requests.PreparedRequest) -> bool:
    body: Any = request.body
    return body is not None and (not isinstance(body, bytes | str) or len(body) > SMALL_BYTES)


def _hang_up_after(seconds: float, response: requests.Response) -> None:
    """Close the connection of a streamed answer if it is still being read then."""
    reader = weakref.ref(response)

    def hang_up() -> None:
        unfinished = reader()
        with suppress(AttributeError, OSError):  # there is no socket any more: it was read to its end
            unfinished.raw._fp.fp.raw._sock.shutdown(SHUT_RDWR)  # type: ignore[union-attr]

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    weakref.finalize(response, timer.cancel)
