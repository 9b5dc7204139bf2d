"""What is known of a server before it runs: where it listens, when it is ready, how long its phases last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import make_plan, make_plan_cell
from memcap.model import (
    ClientCommand,
    CommandReady,
    HttpReady,
    LoadRequest,
    LoadSpec,
    LoadTarget,
    PhaseFigures,
    PhaseName,
    Readiness,
    ServerWorkload,
    Service,
    TcpReady,
    signal_number,
)

LOAD = LoadSpec(requests=(LoadRequest(method="GET", path="/"),), rate=10, seconds=3, levels=(1, 2))
CAPS = ("64m", "128m")
SERVER = ServerWorkload(
    argv=("serve",), ready=Readiness(check=TcpReady(host="localhost", port=8000)), load=LOAD, warm_up_seconds=1
)


@pytest.mark.parametrize(
    ("check", "target"),
    [
        (TcpReady(host="localhost", port=8000), LoadTarget(host="localhost", port=8000)),
        (HttpReady(url="http://localhost:8000/health"), LoadTarget(host="localhost", port=8000)),
        (HttpReady(url="http://app"), LoadTarget(host="app", port=80)),
        (CommandReady(argv=("true",)), None),
    ],
)
def test_the_check_says_where_the_server_listens(
    check: TcpReady | HttpReady | CommandReady, target: LoadTarget | None
) -> None:
    assert check.target == target


def test_a_status_counts_if_it_is_named_or_no_error() -> None:
    named, usual = HttpReady(url="http://app", statuses=(404,)), HttpReady(url="http://app")
    assert [named.accepts(status) for status in (200, 404)] == [False, True]
    assert [usual.accepts(status) for status in (199, 200, 399, 400)] == [False, True, True, False]


def test_a_run_lasts_as_long_as_its_phases() -> None:
    cell = make_plan_cell()
    cell = replace(cell, benchmark=replace(cell.benchmark, workload=SERVER))
    assert cell.configured_seconds == 1 + 2 * (3 + 8)


def test_a_client_of_the_users_own_has_one_level() -> None:
    assert replace(SERVER, load=ClientCommand(argv=("k6",))).levels == (1.0,)
    assert SERVER.levels == (1, 2)


def test_what_was_not_sampled_has_not_settled() -> None:
    phase = PhaseFigures(name=PhaseName.IDLE, start_seconds=0, end_seconds=1)
    assert phase.settled_bytes is None
    assert replace(phase, settled_low_bytes=2, settled_high_bytes=4).settled_bytes == 3


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGTERM", 15),
        ("TERM", 15),
        ("sigquit", 3),
        ("int", 2),
        ("WINCH", 28),
        ("9", 9),
        ("64", 64),
        ("SIGRTMIN+3", 37),
        ("rtmin+30", 64),
    ],
)
def test_signals_as_images_spell_them(name: str, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize(
    "name", ["", "SIG", "SIGSIGINT", "SIGNONE", "0", "65", "-9", "RTMIN+31", "9" * 5000, "\N{ARABIC-INDIC DIGIT NINE}"]
)
def test_what_is_no_signal_is_that_of_docker_stop(name: str) -> None:
    assert signal_number(name) == 15


@given(st.text() | st.from_regex(r"(SIG)?(RTMIN\+)?[0-9]+", fullmatch=True))
def test_every_signal_can_be_sent(name: str) -> None:
    assert 1 <= signal_number(name) <= 64


def test_the_image_of_a_service_has_a_name_whether_it_is_a_reference_or_a_package() -> None:
    of_image, of_package = Service(name="db", image="postgres:15"), Service(name="cache", package="redis-server")
    assert (of_image.image_name, of_package.image_name) == ("postgres:15", "debian/redis-server")
    assert (of_image.layer_name, of_package.layer_name) == (("postgres:15", ""), ("debian/redis-server", ""))


def test_a_plan_has_each_server_and_service_once() -> None:
    db, cache = Service(name="db", image="postgres:15"), Service(name="cache", image="redis:7")
    first, second = replace(SERVER, services=(db,)), replace(SERVER, argv=("other",), services=(db, cache))
    cells = [make_plan_cell(), *(make_plan_cell(workload=each, cap=cap) for each in (first, second) for cap in CAPS)]
    plan = make_plan(*cells)
    assert plan.servers == (first, second)
    assert plan.services == (db, cache)
    assert (make_plan().servers, make_plan().services) == ((), ())
