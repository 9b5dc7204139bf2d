"""The sessions in a database, PostgreSQL or SQLite; nothing of them is in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversation import Exchange, Session
from sqlalchemy import (
    BindParameter,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import create_async_engine

KEPT_SHOWN = 5
_SQLITE_CACHE_KIB = 512
_CONNECTIONS = {"sqlite": 1, "postgresql": 5}

metadata = MetaData()
sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("visitor", Integer, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("touched", Float, nullable=False),  # when the last message came, in simulated seconds
    Index("sessions_of_visitor", "visitor", "is_open"),
    sqlite_autoincrement=True,  # else SQLite gives the number of a deleted session to the next one
)
messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session", ForeignKey("sessions.id"), nullable=False, index=True),
    Column("question", String, nullable=False),
    Column("answer", String, nullable=False),
    Column("signature", String, nullable=False),
)
hours = Table(
    "hours",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("answers", Integer, nullable=False),
    Column("mean", Float, nullable=False),
)

_OF: BindParameter[int] = bindparam("of")
_OPEN = select(sessions.c.id, sessions.c.messages).where(sessions.c.visitor == _OF, sessions.c.is_open)
_BEGIN = insert(sessions).returning(sessions.c.id)
_SAID = (
    select(messages.c.question, messages.c.answer, messages.c.signature)
    .where(messages.c.session == _OF)
    .order_by(messages.c.id)
)
_SAY = insert(messages)
_GO_ON = (
    update(sessions)
    .where(sessions.c.id == _OF)
    .values({name: bindparam(name) for name in ("messages", "touched", "is_open")})
)
_FORGET = (delete(messages).where(messages.c.session == _OF), delete(sessions).where(sessions.c.id == _OF))
_KEPT = (
    select(sessions.c.id, sessions.c.messages)
    .where(sessions.c.visitor == _OF, ~sessions.c.is_open)
    .order_by(sessions.c.id.desc())
    .limit(KEPT_SHOWN)
)
_CLOSE_IDLE = update(sessions).where(sessions.c.is_open, sessions.c.touched < bindparam("before")).values(is_open=False)


class Storage:
    """What the service reads and writes, in a database such as ``sqlite+aiosqlite:////tmp/chat.db``.

    Each method is one transaction. No connection is opened before `make_tables`.
    """

    def __init__(self, url: str) -> None:
        backend = url.partition("+")[0]
        if backend not in _CONNECTIONS:
            raise ValueError(f"{backend!r} is no database of this service; expected one of {', '.join(_CONNECTIONS)}")
        self._engine = create_async_engine(url, pool_size=_CONNECTIONS[backend], max_overflow=0)
        if backend == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _configure_sqlite)

    async def make_tables(self) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(metadata.create_all)

    async def check(self) -> None:
        """Raise an exception of SQLAlchemy if the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def open_session(self, visitor: int, now: float) -> Session:
        """Return the open session of a visitor; a new one if there is none."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(_OPEN, {"of": visitor})).first()
            if row is not None:
                return Session(*row)
            values = {"visitor": visitor, "messages": 0, "is_open": True, "touched": now}
            return Session((await connection.execute(_BEGIN, values)).scalar_one(), 0)

    async def exchanges(self, session: int) -> Sequence[Exchange]:
        """Return all that was said in a session."""
        async with self._engine.connect() as connection:
            return [Exchange(*row) for row in await connection.execute(_SAID, {"of": session})]

    async def add(self, session: Session, exchange: Exchange, now: float, *, is_last: bool) -> None:
        """Store a message of a session with its answer. The last one closes the session."""
        values = {"of": session.id, "messages": session.messages + 1, "touched": now, "is_open": not is_last}
        async with self._engine.begin() as connection:
            await connection.execute(_SAY, {"session": session.id, **vars(exchange)})
            await connection.execute(_GO_ON, values)

    async def delete(self, session: int) -> None:
        """Delete a session with all that was said in it."""
        async with self._engine.begin() as connection:
            for statement in _FORGET:
                await connection.execute(statement, {"of": session})

    async def kept(self, visitor: int) -> Sequence[Session]:
        """Return the last closed sessions of a visitor that were not deleted."""
        async with self._engine.connect() as connection:
            return [Session(*row) for row in await connection.execute(_KEPT, {"of": visitor})]

    async def close_idle(self, before: float) -> None:
        """Close the sessions in which nothing was said since."""
        async with self._engine.begin() as connection:
            await connection.execute(_CLOSE_IDLE, {"before": before})

    async def add_hour(self, answers: int, mean: float) -> None:
        """Store how good the answers of an hour were."""
        async with self._engine.begin() as connection:
            await connection.execute(insert(hours).values(answers=answers, mean=mean))

    async def close(self) -> None:
        await self._engine.dispose()


def _configure_sqlite(connection: Any, _record: object) -> None:
    """Bound the page cache of a connection, and wait for no disk."""
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = OFF", f"cache_size = -{_SQLITE_CACHE_KIB}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
