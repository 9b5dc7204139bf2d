"""Lead a server through the phases of a run: wait until it is ready, warm it up, send each load, let it rest.

    python memcap_load --phases FILE

FILE is a JSON object that `load/script.py` makes. Each event is a line of JSON on stdout, with ``at`` in seconds of the
machine's monotonic clock; `load/events.py` reads them. Where the host has to do something first, the client waits until
the host puts a file into its own folder: a readiness check by a command, a load generator of the user's own.

Where the script has ``progress_seconds``, a ``progress`` line comes so often while the load of a level is sent, and one
at its end: how many requests were answered (``done``) and how many ended in an error (``failed``) since it began, and
percentiles of the latency since the line before.

The warm-up sends the requests of the first level for half of its time, each on a connection of its own, and rests for
the other half: what is held at its end is held without a connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

from . import FORMAT
from .client import EXIT_BAD_ORDERS, Client
from .connection import ExchangeError, Pool, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ATTEMPT_SECONDS = 2.0  # for one attempt of a readiness check
LOOK_SECONDS = 0.02  # how often a file of the host is looked for
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def say(event: str, **facts: object) -> None:
    """Tell the host what has happened now."""
    sys.stdout.write(json.dumps(dict(facts, event=event, at=time.monotonic())) + "\n")
    sys.stdout.flush()


async def wait_for_file(name: str, end: float = float("inf")) -> bool:
    """Wait until the host has put a file there, or it is too late by the loop's clock; return whether it has."""
    path, loop = os.path.join(FOLDER, name), asyncio.get_running_loop()
    while not os.path.exists(path) and loop.time() < end:
        await asyncio.sleep(LOOK_SECONDS)
    return os.path.exists(path)


async def check_once(check: dict[str, Any]) -> str:
    """Try once whether something is ready; return why not, or nothing."""
    pool = Pool({"host": check["host"], "port": check["port"]}, keep_alive=False)
    pool.resolve()
    deadline = asyncio.get_running_loop().time() + ATTEMPT_SECONDS
    try:
        connection = await pool.connect(deadline)
        if check["path"] is None:
            connection.close()
            return ""
        host = check["host"] + ("" if check["port"] == 80 else ":%d" % check["port"])
        order = {"method": "GET", "path": check["path"], "headers": [], "body": None}
        message = (Request(order, host, keep_alive=False).head(), b"")
        answer = await connection.exchange(message, False, deadline)
    except ExchangeError as failure:
        return "%s:%d: %s" % (check["host"], check["port"], failure)
    statuses = check["statuses"] or range(200, 400)
    return "" if answer.status in statuses else "it answered %s" % answer.words


async def wait_until_ready(name: str, check: dict[str, Any]) -> bool:
    """Wait until the check succeeds, and tell; return whether it did within its time limit."""
    loop = asyncio.get_running_loop()
    end = loop.time() + check["time_limit_seconds"]
    why = "no attempt was made"
    if check["file"] is not None:
        say("check_wanted", name=name)
        why = "" if await wait_for_file(check["file"], end) else "the command did not succeed"
    while check["file"] is None and why and loop.time() < end:
        why = await check_once(check)
        await asyncio.sleep(check["interval_seconds"] if why else 0)
    if why:
        say("not_ready", name=name, why=why)
    else:
        say("ready", name=name)
    return not why


async def rest(phase: str, seconds: float) -> None:
    """Let the server rest until the end of the phase, and tell."""
    await asyncio.sleep(seconds)
    say("phase", phase=phase)


async def warm_up(script: dict[str, Any]) -> None:
    began, seconds, orders = time.monotonic(), script["warm_up_seconds"], script["warm_up_orders"]
    if orders is not None:
        client = Client(orders)
        await client.run()
        say("warmed_up", report=client.report())
    await rest("warm_up", max(began + seconds - time.monotonic(), seconds / 2 if orders else 0))


async def tell_progress(client: Client, interval: float) -> None:
    """Tell again and again how far the load is; where that is late, the next time is an interval later."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + interval, loop.time())
        await asyncio.sleep(due - loop.time())
        say("progress", **client.progress())


async def run_load(client: Client, interval: float | None) -> None:
    """Send a load, and tell how far it is if there is an interval for that."""
    if interval is None:
        await client.run()
        return
    telling = asyncio.ensure_future(tell_progress(client, interval))
    await client.run()
    telling.cancel()
    say("progress", **client.progress())


async def send_load(level: dict[str, Any], interval: float | None) -> None:
    """Send the load of a level, or let the host start what sends it, and tell."""
    report = None
    if level["orders"] is None:
        say("load_wanted")
        await wait_for_file(level["file"])
    else:
        client = Client(level["orders"])
        await run_load(client, interval)
        report = client.report()
    say("phase", phase="load", report=report)


async def collect(script: dict[str, Any]) -> None:
    """Ask for a collection, or let the host send a signal; tell how it went, and rest."""
    orders = script["collect"]
    if orders is None:
        say("collect_wanted")
        await wait_for_file(script["collect_file"])
    else:
        client = Client(orders)
        await client.run()
        say("collected", report=client.report())
    await rest("collect", script["idle_seconds"])


async def lead(script: dict[str, Any]) -> None:
    """Lead through all phases, each of which begins with the end of the one before; stop at what is not ready."""
    for service in script["services"]:
        if not await wait_until_ready(service["name"], service["check"]):
            return
    say("services_ready")
    if not await wait_until_ready("", script["ready"]):
        return
    await warm_up(script)
    for level in script["levels"]:
        await send_load(level, script["progress_seconds"])
        await rest("idle", script["idle_seconds"])
    if script["collects"]:
        await collect(script)
    say("done")


def main(path: str) -> int:
    """Do what the script in the file says; return the exit code."""
    try:
        with open(path, encoding="utf-8") as file:
            script = json.load(file)
        if script["format"] != FORMAT:
            raise ValueError("the script is of format %r, not %d" % (script["format"], FORMAT))
    except (OSError, ValueError, LookupError, TypeError) as error:
        sys.stderr.write("memcap_load: the script cannot be read: %r\n" % error)
        return EXIT_BAD_ORDERS
    asyncio.run(lead(script))
    return 0
