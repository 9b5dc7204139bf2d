"""A container is a leftover when nobody can still be using it."""

from __future__ import annotations

import os
import socket
import time

import pytest

from memcap.engine.docker_client import OWNER_LABEL, labels
from memcap.engine.docker_leftovers import HOUR_SECONDS, is_in_use

NOW = time.time()
HERE = socket.gethostname()
NO_PROCESS = 2**22 + 1  # above the largest pid of Linux, and odd: Windows uses multiples of four


def owned_by(pid: object, host: str = HERE) -> dict[str, str]:
    return {OWNER_LABEL: f"{pid}@{host}"}


@pytest.mark.parametrize("state", ["created", "running", "exited"])
def test_what_a_living_process_made_is_in_use_however_old(state: str) -> None:
    assert is_in_use(labels("c", "x"), state=state, created=NOW - 10 * HOUR_SECONDS, now=NOW)
    assert is_in_use(owned_by(os.getppid()), state=state, created=NOW, now=NOW)


@pytest.mark.parametrize("state", ["created", "running", "exited"])
def test_what_a_dead_process_made_is_a_leftover_even_when_it_runs(state: str) -> None:
    assert not is_in_use(owned_by(NO_PROCESS), state=state, created=NOW, now=NOW)


def test_a_younger_process_with_the_same_number_is_not_the_owner() -> None:
    assert not is_in_use(owned_by(os.getppid()), state="running", created=1.0, now=NOW)


@pytest.mark.parametrize("labels", [{}, owned_by(1, "another-machine"), owned_by("nonsense"), {OWNER_LABEL: ""}])
@pytest.mark.parametrize(
    ("state", "age", "in_use"),
    [
        ("running", 10, True),
        ("paused", 10, True),
        ("restarting", 10, True),
        ("running", HOUR_SECONDS + 1, False),
        ("created", 10, False),
        ("exited", 10, False),
        ("dead", 10, False),
    ],
)
def test_where_nobody_can_be_asked_state_and_age_decide(
    labels: dict[str, str], state: str, age: float, in_use: bool
) -> None:
    assert is_in_use(labels, state=state, created=NOW - age, now=NOW) is in_use
