"""Talk to the service of the suite soak, and print what it answers and how much its leak in C keeps of a session.

Requests reach the application directly, without a server.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import itertools
import json
import sqlite3
import time

import chat

SESSIONS = 100
DEADLINE_SECONDS = 30
NUMBERS = itertools.count(1)
REFUSED = {"empty": '{"text": ""}', "no_text": "[1]", "no_json": "hello", "too_long": json.dumps({"text": "x" * 1001})}


class MallInfo(ctypes.Structure):
    """What glibc 2.33 and newer tell of malloc (mallinfo(3)): uordblks is in use, hblkhd is mapped."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = MallInfo


async def ask(application, method, path, body=""):
    """Return the status and the chunks of an answer, as text."""
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "scheme": "http",
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    status, chunks = [], []

    async def receive():
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    async def send(message):
        status.append(message["status"]) if "status" in message else chunks.append(message["body"].decode())

    await application(scope, receive, send)
    return status[0], chunks


async def say(application, visitor, text):
    """Return the lines of the answer to a message, and the number of chunks that they came in."""
    status, chunks = await ask(application, "POST", f"/visitors/{visitor}/messages", json.dumps({"text": text}))
    assert status == 200, chunks
    return [json.loads(line) for line in "".join(chunks).splitlines()], len([chunk for chunk in chunks if chunk])


@contextlib.asynccontextmanager
async def running(rate=100, **environ):
    """Yield an application with a database of its own, and the path of that."""
    path = f"/tmp/{next(NUMBERS)}.db"
    environ = {"MEMCAP_RATE": str(rate), "CHAT_DATABASE": f"sqlite+aiosqlite:///{path}", **environ}
    application = chat.make_application(environ)
    async with application.router.lifespan_context(application):
        yield application, path


def rows(path, query):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


async def wait_for(path, query):
    """Wait until a query has a row."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not rows(path, query):
        assert time.monotonic() < deadline, query
        await asyncio.sleep(0.01)


async def conversation():
    async with running() as (application, path):
        said = [await say(application, 1, f"question {number}") for number in range(21)]
        _, kept = await ask(application, "GET", "/visitors/1/sessions")
        refused = {name: await ask(application, "POST", "/visitors/1/messages", body) for name, body in REFUSED.items()}
        tables = {name: rows(path, f"SELECT count(*) FROM {name}")[0][0] for name in ("sessions", "messages")}
    return {
        "answers": [lines for lines, _ in said],
        "chunks": said[0][1],
        "kept": json.loads(kept[0]),
        "refused": {name: (status, "".join(chunks)) for name, (status, chunks) in refused.items()},
        "tables": tables,
    }


async def of_five_visitors(contexts):
    async with running(CHAT_CONTEXTS=contexts) as (application, _):
        return [(await say(application, number % 5, f"question {number}"))[0] for number in range(30)]


async def jobs():
    """Say something, wait until the session was closed and the hour reported, and say something again."""
    async with running(rate=100_000) as (application, path):
        await say(application, 1, "hello")
        await wait_for(path, "SELECT 1 FROM sessions WHERE NOT is_open")
        await wait_for(path, "SELECT 1 FROM hours WHERE answers = 1")
        return (await say(application, 1, "hello again"))[0][-1]


async def kept_in_c(leak):
    """Return the bytes of malloc that stay in use of a session; resident memory would have arenas of Python in it."""

    async def resident_after(sessions):
        for number in range(3 * sessions):
            await say(application, 1, f"question {number}")
        gc.collect()
        found = mallinfo()
        return found.uordblks + found.hblkhd

    async with running(CHAT_LEAK=leak, CHAT_CONTEXTS="2", CHAT_SCORES="2") as (application, _):
        before = await resident_after(20)
        return (await resident_after(SESSIONS) - before) / SESSIONS


async def visit():
    return {
        **await conversation(),
        "without_cache": await of_five_visitors("1"),
        "with_cache": await of_five_visitors("100"),
        "after_a_pause": await jobs(),
        "kept_in_c": {leak: await kept_in_c(leak) for leak in ("", "native")},
    }


print(json.dumps(asyncio.run(visit())))
