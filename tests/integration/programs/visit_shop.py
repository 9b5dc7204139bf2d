"""Ask the application of the suite services, without a server, and print what it answers and what its leaks keep."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tracemalloc

import shop

REQUESTS = 200
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


async def ask(application, method, target, body=None, port=1):
    """Return the status and the body of an answer, as text."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [], "client": ("127.0.0.1", port), "server": ("127.0.0.1", 8000), "scheme": "http",
        "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip
    status, parts = [], []

    async def receive():
        return {"type": "http.request", "body": b"" if body is None else json.dumps(body).encode(), "more_body": False}

    async def send(message):
        status.append(message["status"]) if "status" in message else parts.append(message["body"])

    await application(scope, receive, send)
    return status[0], b"".join(parts).decode()


async def kept(application, target, connections):
    """Return the bytes that stay of each of many requests, which come on so many connections."""
    for number in range(REQUESTS):
        await ask(application, "GET", target, port=number % connections)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(REQUESTS):
        await ask(application, "GET", target, port=REQUESTS + number % connections)
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / REQUESTS


async def visit():
    answers = {name: await ask(shop.application, *order) for name, order in ANSWERS.items()}
    tracemalloc.start()
    leaks = {}
    for name in ("", *shop.LEAKS):
        application = shop.make_application({**os.environ, "SHOP_LEAK": name})
        leaks[name] = {
            "requests": await kept(application, "/items/5", connections=1),
            "connections": await kept(application, "/items/5", connections=REQUESTS),
            "health": await kept(application, "/health", connections=REQUESTS),
        }
    return {"answers": answers, "leaks": leaks}


print(json.dumps(asyncio.run(visit())))
