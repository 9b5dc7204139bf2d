"""What is known of a server before it runs: where it listens, when it is ready, how long its phases last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import make_plan_cell
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
    TcpReady,
)

LOAD = LoadSpec(requests=(LoadRequest(method="GET", path="/"),), rate=10, seconds=3, levels=(1, 2))
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
