"""A container is a leftover when it does not run and nobody can still be using it."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import pytest

from memcap.engine import docker_leftovers
from memcap.engine.docker_labels import OWNER_LABEL, SYSTEM_LABEL, image_labels, run_labels, system
from memcap.engine.docker_leftovers import HOUR_SECONDS, Hold, find_containers, find_hold

NOW = time.time()
HERE = socket.gethostname()
NO_PROCESS = 2**22 + 1  # above the largest pid of Linux, and odd: Windows uses multiples of four
NAME = "memcap-c-x-1"


def owned_by(pid: object, host: str = HERE, where: str | None = None) -> dict[str, str]:
    return {OWNER_LABEL: f"{pid}@{host}", SYSTEM_LABEL: system() if where is None else where}


@pytest.mark.parametrize("state", ["created", "running", "exited"])
def test_what_a_living_process_made_is_in_use_however_old(state: str) -> None:
    ours = run_labels(NAME, campaign="c", cell="x")
    assert find_hold(ours, state=state, created=NOW - 10 * HOUR_SECONDS, now=NOW) is Hold.IN_USE
    assert find_hold(owned_by(os.getppid()), state=state, created=NOW, now=NOW) is Hold.IN_USE


@pytest.mark.parametrize(
    ("state", "hold"),
    [("created", None), ("exited", None), ("dead", None), ("running", Hold.RUNNING), ("paused", Hold.RUNNING)],
)
def test_what_a_dead_process_made_is_a_leftover_unless_it_runs(state: str, hold: Hold | None) -> None:
    assert find_hold(owned_by(NO_PROCESS), state=state, created=NOW, now=NOW) is hold


def test_a_younger_process_with_the_same_number_is_not_the_owner() -> None:
    assert find_hold(owned_by(os.getppid()), state="exited", created=1.0, now=NOW) is None


@pytest.mark.parametrize(
    "labels",
    [
        {},
        owned_by(1, "another-machine"),
        owned_by(NO_PROCESS, where="another-boot/pid:[4026531836]"),
        owned_by(NO_PROCESS, where=f"{system().partition('/')[0]}/pid:[1]"),
        owned_by(NO_PROCESS, where=""),
        {OWNER_LABEL: f"{NO_PROCESS}@{HERE}"},
        owned_by("nonsense"),
        owned_by("\N{SUPERSCRIPT TWO}"),
        owned_by("9" * 400),
        {OWNER_LABEL: "", SYSTEM_LABEL: ""},
    ],
)
@pytest.mark.parametrize(
    ("state", "age", "hold"),
    [
        ("running", 10, Hold.RUNNING),
        ("paused", 10, Hold.RUNNING),
        ("restarting", 10, Hold.RUNNING),
        ("running", HOUR_SECONDS + 1, Hold.RUNNING),
        ("created", 10, Hold.RECENT),
        ("exited", 10, Hold.RECENT),
        ("created", HOUR_SECONDS + 1, None),
        ("exited", HOUR_SECONDS + 1, None),
    ],
)
def test_where_the_process_cannot_be_asked_state_and_age_decide(
    labels: dict[str, str], state: str, age: float, hold: Hold | None
) -> None:
    assert find_hold(labels, state=state, created=NOW - age, now=NOW) is hold


@pytest.mark.parametrize("where", [None, ""])
def test_where_this_system_is_unknown_no_process_is_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch, where: str | None
) -> None:
    monkeypatch.setattr(docker_leftovers, "system", lambda: "")
    labels = {OWNER_LABEL: f"{NO_PROCESS}@{HERE}"} | ({} if where is None else {SYSTEM_LABEL: where})
    assert find_hold(labels, state="exited", created=NOW, now=NOW) is Hold.RECENT


class Daemon:
    """Answers with the containers that it is given."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        self.api = self
        self._containers = list(containers)

    def containers(self, **_: object) -> list[dict[str, Any]]:
        return self._containers


def listed(name: str, labels: dict[str, str], state: str = "exited", age: float = 0) -> dict[str, Any]:
    return {"Id": name, "Names": [f"/{name}"], "Labels": labels, "State": state, "Created": NOW - age}


def test_only_containers_of_memcap_are_found() -> None:
    dead = run_labels(NAME, campaign="c", cell="x") | owned_by(NO_PROCESS)
    old = {"memcap": "1", "memcap.campaign": "c", OWNER_LABEL: f"{NO_PROCESS}@{HERE}"}
    daemon = Daemon(
        listed(NAME, dead, age=4),
        listed("renamed", dead),
        listed("mine", image_labels("memcap/py312:0123456789ab", kind="image")),
        listed("memcap-c-old-1", old, age=2 * HOUR_SECONDS),
        listed("memcap-c-old-2", old, age=1),
        listed("mine-too", old, age=2 * HOUR_SECONDS),
    )
    found = find_containers(daemon, now=NOW)  # type: ignore[arg-type]
    assert [(one.name, one.hold) for one in found] == [
        ("memcap-c-old-1", Hold.EARLIER_VERSION),
        (NAME, None),
        ("memcap-c-old-2", Hold.RECENT),
    ]
