"""The leak of sessions, which needs the ORM."""

from __future__ import annotations

from typing import List

from database import Visit
from sqlalchemy.orm import Session


class SessionLeak:
    """A session for each request that is never committed nor closed, and holds a visit of ``size`` bytes to be written.

    It has no connection yet, so the database does not notice.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._sessions: List[Session] = []

    def keep(self, path: str) -> None:
        session = Session()
        session.add(Visit(path=path, trail="x" * self._size))
        self._sessions.append(session)
