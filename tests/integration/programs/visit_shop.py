"""Ask the application of the suite services, and print what it answers and how much its leaks keep each time.

Only the leak of connections needs a server; the other requests reach the application directly.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tracemalloc

import connections
import shop
import uvicorn

TIMES = 200
PORT = 8000
PURCHASE = {"customer": 7, "item": 3, "count": 2}
ANSWERS = {
    "health": ("GET", "/health", None),
    "item": ("GET", "/items/5", None),
    "page": ("GET", "/items?page=2", None),
    "cart": ("POST", "/cart", PURCHASE),
    "order": ("POST", "/orders", {**PURCHASE, "item": 4, "count": 1}),
    "next_order": ("POST", "/orders", PURCHASE),
    "report": ("GET", "/report", None),
    "collect": ("POST", "/collect", None),
    "no_page": ("GET", "/items?page=51", None),
    "no_item": ("GET", "/items/1001", None),
    "bad_page": ("GET", "/items?page=first", None),
    "bad_purchase": ("POST", "/cart", {"customer": 7}),
    "too_many": ("POST", "/cart", {**PURCHASE, "count": 101}),
    "not_sold": ("POST", "/cart", {**PURCHASE, "item": 1001}),
}


async def ask(application, method, target, body=None):
    """Return the status and the body of an answer, as text."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", PORT), "scheme": "http",
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip
    status, parts = [], []

    async def receive():
        return {"type": "http.request", "body": b"" if body is None else json.dumps(body).encode(), "more_body": False}

    async def send(message):
        status.append(message["status"]) if "status" in message else parts.append(message["body"])

    await application(scope, receive, send)
    return status[0], b"".join(parts).decode()


async def kept(work):
    """Return the bytes that stay each time that ``work`` is done."""
    for _ in range(TIMES):
        await work()
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(TIMES):
        await work()
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / TIMES


async def kept_of_connections():
    """Return the bytes that stay of a connection on which nothing is asked for."""
    protocol = connections.LeakingProtocol
    server = uvicorn.Server(uvicorn.Config(shop.application, port=PORT, http=protocol, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)

    async def connect():
        _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        writer.close()
        await writer.wait_closed()
        while server.server_state.connections:
            await asyncio.sleep(0)

    try:
        return await kept(connect)
    finally:
        server.should_exit = True
        await serving


async def visit():
    answers = {name: await ask(shop.application, *order) for name, order in ANSWERS.items()}
    tracemalloc.start()
    leaks = {"connections": {"connection": await kept_of_connections()}}
    for name in ("", *shop.LEAKS):
        application = shop.make_application({**os.environ, "SHOP_LEAK": name})
        leaks[name] = {
            "request": await kept(lambda application=application: ask(application, "GET", "/items/5")),
            "health": await kept(lambda application=application: ask(application, "GET", "/health")),
        }
    return {"answers": answers, "leaks": leaks}


print(json.dumps(asyncio.run(visit())))
