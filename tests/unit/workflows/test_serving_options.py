"""The options of servers: what they mean, and what is refused, all together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memcap.errors import UsageError
from memcap.model import (
    HttpReady,
    LoadRequest,
    LoadSpec,
    Readiness,
    ServerWorkload,
    Service,
)
from memcap.workflows.serving_options import ServingOptions

GOOD = ServingOptions(
    serve=True,
    ready="http://localhost:8000/health",
    ready_timeout="90s",
    load="GET /items/{1..500} rate=200 for 20s levels=1,2",
    warm_up="0s",
    grace="1min",
    services=("db=postgres:15", "cache=redis:7"),
)


def test_good_options_are_a_workload() -> None:
    GOOD.validate()
    assert GOOD.workload(("uvicorn", "app:app")) == ServerWorkload(
        argv=("uvicorn", "app:app"),
        ready=Readiness(check=HttpReady(url="http://localhost:8000/health"), time_limit_seconds=90),
        load=LoadSpec(
            requests=(LoadRequest(method="GET", path="/items/{1..500}"),), rate=200, seconds=20, levels=(1, 2)
        ),
        warm_up_seconds=0,
        idle_seconds=8,
        grace_seconds=60,
        services=(Service(name="db", image="postgres:15"), Service(name="cache", image="redis:7")),
    )


def test_the_defaults_ask_for_nothing() -> None:
    ServingOptions().validate()
    assert ServingOptions().retyped() == ()


def test_the_defaults_are_those_of_the_model() -> None:
    server = ServingOptions(serve=True, ready="tcp://app:1", load="GET / rate=1 for 1s").workload(("serve",))
    assert server == ServerWorkload(argv=("serve",), ready=Readiness(check=server.ready.check), load=server.load)


def test_retyped_words_ask_for_the_same() -> None:
    assert GOOD.retyped() == (
        "--serve", "--ready", "http://localhost:8000/health", "--ready-timeout", "90s",
        "--load", "GET /items/{1..500} rate=200 for 20s levels=1,2", "--warm-up", "0s", "--grace", "1min",
        "--service", "db=postgres:15", "--service", "cache=redis:7",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (replace(GOOD, serve=False), "--ready, --ready-timeout, --load, --warm-up, --grace, --service cannot be used"),
        (replace(GOOD, ready=None), "--serve needs --ready"),
        (replace(GOOD, load=None), "--serve needs --load"),
        (replace(GOOD, ready="localhost:8000"), "--ready: 'localhost:8000' has no scheme"),
        (replace(GOOD, ready=""), "--ready: the command is empty"),
        (replace(GOOD, ready="sh -c 'x"), '--ready: "sh -c \'x": no closing quotation'),
        (replace(GOOD, ready="pg_isready -q"), "a command does not say where the requests of --load go"),
        (replace(GOOD, ready_timeout="0s"), "--ready-timeout must be longer than 0"),
        (replace(GOOD, idle="5"), "--idle: duration '5' has no unit"),
        (replace(GOOD, grace="soon"), "--grace: 'soon' is not a duration"),
        (replace(GOOD, load="GET / rate=2"), "--load: the load 'GET / rate=2': the duration is missing"),
        (replace(GOOD, services=("db",)), "--service 'db' is not NAME=IMAGE"),
        (replace(GOOD, services=("=a",)), "--service '=a' is not NAME=IMAGE"),
        (replace(GOOD, services=("D B=a",)), "--service 'D B' is not a name: use a-z"),
        (replace(GOOD, services=("localhost=a",)), "--service 'localhost' is the server itself"),
        (replace(GOOD, services=("d" * 64 + "=a",)), f"--service {'d' * 64!r} is too long for the name of a host"),
        (replace(GOOD, services=("db=a", "db=b")), "--service names db more than once"),
    ],
)
def test_one_mistake_is_one_message(options: ServingOptions, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        options.validate()
    assert refused.value.message.startswith(message)
    assert "\n" not in refused.value.message


def test_all_mistakes_are_reported_together() -> None:
    options = ServingOptions(load="get items", idle="5", services=("db",), grace="x")
    with pytest.raises(UsageError) as refused:
        options.validate()
    first, *others = refused.value.message.splitlines()
    assert first == "5 contradictions in the options:"
    assert [line.split()[0] for line in others] == ["--load,", "--load:", "--idle:", "--grace:", "--service"]
