"""Programs on web frameworks and what is used with them, without a network."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from pace import block, paced

KIB = 1024


def django_debug() -> Iterator[None]:
    """Make 20 queries a cycle with ``DEBUG = True``: Django logs them in a deque of 9000."""
    import django
    from django.conf import settings

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(DEBUG=True, DATABASES={"default": database})
    django.setup()
    from django.db import connection

    for _ in paced():
        with connection.cursor() as cursor:
            for _ in range(20):
                cursor.execute("select %s", ["x" * 2000])
        yield


def django_signals() -> Iterator[None]:
    """Connect a receiver with 16 KiB to a signal of Django each cycle, without ``weak``, and never disconnect it."""
    from django.dispatch import Signal

    saved = Signal()
    for _ in paced():
        buffer = block(16 * KIB)

        def receive(sender: object, buffer: bytes = buffer, **_: object) -> int:
            return len(buffer)

        saved.connect(receive, weak=False)
        yield


def flask_cached(bounded: bool) -> Iterator[None]:
    """Ask a Flask application for another user each cycle; its view caches what it reads."""
    from flask import Flask

    application = Flask("recorded", static_folder=None)

    @functools.lru_cache(maxsize=500 if bounded else None)
    def read_user(number: int) -> bytes:
        return block(32 * KIB if bounded else 16 * KIB)

    @application.get("/users/<int:number>")
    def user(number: int) -> dict[str, int]:
        return {"size": len(read_user(number))}

    client = application.test_client()
    for number in paced():
        client.get(f"/users/{number}").get_json()
        yield


def flask_plain() -> Iterator[None]:
    """Ask a Flask application that keeps nothing."""
    from flask import Flask, request

    application = Flask("recorded", static_folder=None)

    @application.post("/orders")
    def order() -> dict[str, int]:
        return {"lines": len(request.get_json()["lines"])}

    client = application.test_client()
    for number in paced():
        client.post("/orders", json={"lines": [{"sku": f"{number}-{place}"} for place in range(50)]}).get_json()
        yield


def templates(cache_size: int) -> Iterator[None]:
    """Render a new template of 25 kB by Jinja2 each cycle: it keeps the last ``cache_size``, or all (-1)."""
    from jinja2 import Environment, FunctionLoader

    def load(name: str) -> str:
        return f"{{% if user %}}{name} {{{{ user }}}}{{% endif %}}" + "text of the page " * 1500

    environment = Environment(loader=FunctionLoader(load), cache_size=cache_size, autoescape=True)
    for number in paced():
        environment.get_template(f"page-{number}").render(user=1)
        yield


def statements() -> Iterator[None]:
    """Execute a new statement of SQLAlchemy each cycle: its engine keeps compiled ones, 750 at most."""
    from sqlalchemy import column, create_engine, literal, select

    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        for number in paced():
            names = [column(f"c{number}x{place}") for place in range(4)]
            rows = select(*(literal(place).label(name.name) for place, name in enumerate(names))).subquery()
            connection.execute(select(*(rows.c[name.name] for name in names)))
            yield


def labels(values: int | None = None) -> Iterator[None]:
    """Count 3 requests a cycle by user, in a histogram of prometheus_client; there are so many users, or no end."""
    from prometheus_client import CollectorRegistry, Histogram

    latency = Histogram("latency", "Time of a request", ["user"], registry=CollectorRegistry())
    number = 0
    for _ in paced():
        for _ in range(3):
            latency.labels(user=f"user-{number if values is None else number % values}").observe(0.1)
            number += 1
        yield
