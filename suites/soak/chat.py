"""A chat service that is up day and night: a Starlette application (ASGI).

README.md has its requests and environment variables.
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from leaks import LEAKS
from model import PARTS
from parts import Parts
from scheduler import Clock, Scheduler
from sessions import Service, Sessions
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from storage import Storage

ANSWER_SECONDS = 2.0  # simulated, as all times here
IDLE_SECONDS = 30 * 60.0  # a session in which nobody says anything for so long is over
CLEANING_SECONDS = 10 * 60.0
HOUR = 3600.0
LONGEST_QUESTION = 1000


class Chat:
    """The endpoints, and what is done between requests."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sessions = Sessions(service)

    async def health(self, request: Request) -> Response:
        await self._service.storage.check()
        return JSONResponse({"status": "ok", "answers": self._service.model.answers()})

    async def post(self, request: Request) -> Response:
        """Stream the answer to a message of a visitor."""
        try:
            question = (await request.json())["text"]
        except (ValueError, LookupError, TypeError):
            question = None
        if not isinstance(question, str) or not 0 < len(question) <= LONGEST_QUESTION:
            raise HTTPException(422, f"expected a JSON object with text of 1 to {LONGEST_QUESTION} characters")
        lines = self._sessions.answer(request.path_params["visitor"], question)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def kept(self, request: Request) -> Response:
        """Answer with the last sessions of a visitor that are over and were kept."""
        kept = await self._service.storage.kept(request.path_params["visitor"])
        return JSONResponse([{"session": session.id, "messages": session.messages} for session in kept])

    async def scores(self, request: Request) -> Response:
        return JSONResponse(self._service.scores.summary())

    async def collect(self, request: Request) -> Response:
        return JSONResponse({"collected": gc.collect()})

    async def close_idle(self) -> None:
        """Close the sessions that their visitors have left."""
        await self._service.storage.close_idle(self._service.clock.now() - IDLE_SECONDS)

    async def report(self) -> None:
        """Store the mean score of the last hour."""
        report = self._service.scores.take_report()
        if report is not None:
            await self._service.storage.add_hour(*report)


def make_service(environ: Mapping[str, str]) -> Service:
    """Return the service that the environment variables describe. Raises ValueError for an unknown leak."""
    leak, rate = environ.get("CHAT_LEAK", ""), float(environ.get("MEMCAP_RATE", "1"))
    if leak and leak not in LEAKS:
        raise ValueError(f"CHAT_LEAK is {leak!r}; expected one of {', '.join(LEAKS)}")
    parts = LEAKS[leak] if leak else Parts()
    return Service(
        storage=Storage(environ.get("CHAT_DATABASE", "sqlite+aiosqlite:////tmp/chat.db")),
        clock=Clock(rate),
        model=parts.model(ANSWER_SECONDS / PARTS / rate),
        contexts=parts.contexts(int(environ.get("CHAT_CONTEXTS", "64"))),
        scores=parts.scores(int(environ.get("CHAT_SCORES", "128"))),
        events=parts.events(),
        signer=parts.signer(),
    )


def make_application(environ: Mapping[str, str]) -> Starlette:
    """Return the application of a service, which does its jobs while it runs."""
    service = make_service(environ)
    chat, scheduler = Chat(service), Scheduler(service.clock)

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        await service.storage.make_tables()
        scheduler.every(CLEANING_SECONDS, chat.close_idle)
        scheduler.every(HOUR, chat.report)
        yield
        await scheduler.stop()
        await service.storage.close()

    routes = [
        Route("/health", chat.health),
        Route("/visitors/{visitor:int}/messages", chat.post, methods=["POST"]),
        Route("/visitors/{visitor:int}/sessions", chat.kept),
        Route("/scores", chat.scores),
        Route("/collect", chat.collect, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


application = make_application(os.environ)
