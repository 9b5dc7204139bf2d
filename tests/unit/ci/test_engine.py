from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from ci import engine
from ci.engine import NO_DAEMON, NO_PERMISSION, Answer, State, Step, decide, make_ready
from ci.errors import SetupError
from ci.system import System

from memcap.errors import DaemonPermissionError, DaemonUnavailable

ROOT_ON_DEBIAN = System(platform="linux", distributions=("debian",), is_root=True, environ={})
CHOSEN = {"DOCKER_HOST": "tcp://box:2375"}


def test_exit_codes_are_those_of_memcap() -> None:
    assert (DaemonUnavailable.exit_code, DaemonPermissionError.exit_code) == (NO_DAEMON, NO_PERMISSION)


@pytest.mark.parametrize(
    ("state", "system", "expected"),
    [
        (State.ANSWERS, ROOT_ON_DEBIAN, Step.NOTHING),
        (State.ANSWERS, replace(ROOT_ON_DEBIAN, environ=CHOSEN), Step.NOTHING),
        (State.SILENT, ROOT_ON_DEBIAN, Step.INSTALL_AND_START),
        (State.SILENT, replace(ROOT_ON_DEBIAN, has_dockerd=True), Step.START),
        (State.SILENT, replace(ROOT_ON_DEBIAN, distributions=("fedora",), has_dockerd=True), Step.START),
        (State.SILENT, replace(ROOT_ON_DEBIAN, distributions=("fedora",)), Step.INSTRUCT),
        (State.SILENT, replace(ROOT_ON_DEBIAN, is_root=False), Step.INSTRUCT),
        (State.SILENT, replace(ROOT_ON_DEBIAN, is_root=False, has_dockerd=True), Step.INSTRUCT),
        (State.SILENT, replace(ROOT_ON_DEBIAN, environ=CHOSEN), Step.INSTRUCT),
        (State.SILENT, replace(ROOT_ON_DEBIAN, environ={"DOCKER_CONTEXT": "box"}, has_dockerd=True), Step.INSTRUCT),
        (State.SILENT, System(platform="darwin", is_root=True, environ={}), Step.INSTRUCT),
        (State.SILENT, System(platform="win32", environ={}), Step.INSTRUCT),
        (State.FORBIDDEN, replace(ROOT_ON_DEBIAN, is_root=False, has_dockerd=True), Step.INSTRUCT),
    ],
)
def test_only_root_on_linux_starts_and_only_debian_installs(state: State, system: System, expected: Step) -> None:
    assert decide(state, system) is expected


@dataclass
class Machine:
    """A daemon that answers once it is installed and started."""

    system: System
    state: State = State.SILENT
    said: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def ask(self) -> Answer:
        return Answer(state=self.state, message="no daemon at the socket")

    def start(self, system: System) -> None:
        self.done.append("start")
        self.state = State.ANSWERS

    def make_ready(self) -> None:
        make_ready(
            self.system,
            ask=self.ask,
            install=lambda: self.done.append("install"),
            start=self.start,
            say=self.said.append,
        )


def test_nothing_is_done_when_the_daemon_answers() -> None:
    machine = Machine(ROOT_ON_DEBIAN, state=State.ANSWERS)

    machine.make_ready()

    assert machine.done == []
    assert machine.said == ["Docker: the daemon answers"]


def test_docker_is_installed_before_it_is_started() -> None:
    machine = Machine(ROOT_ON_DEBIAN)

    machine.make_ready()

    assert machine.done == ["install", "start"]


def test_an_installed_daemon_is_only_started() -> None:
    machine = Machine(replace(ROOT_ON_DEBIAN, has_dockerd=True))

    machine.make_ready()

    assert machine.done == ["start"]


def test_elsewhere_the_error_says_what_failed_what_to_do_and_where_to_read_more() -> None:
    machine = Machine(System(platform="darwin", environ={}))

    with pytest.raises(SetupError) as caught:
        machine.make_ready()

    message = str(caught.value)
    assert message.startswith("no daemon at the socket\n")
    assert "brew install" in message
    assert message.endswith("docs/installing-docker.md")
    assert caught.value.exit_code == NO_DAEMON
    assert machine.done == []


class Dockerd:
    """A started process that ends when its codes say so."""

    def __init__(self, *codes: int | None) -> None:
        self._codes: Iterator[int | None] = iter(codes)

    def poll(self) -> int | None:
        return next(self._codes)


def answers(*states: State) -> Iterator[Answer]:
    return (Answer(state=state) for state in states)


def test_waiting_ends_when_the_daemon_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "POLL_SECONDS", 0)
    states = answers(State.SILENT, State.SILENT, State.ANSWERS, State.SILENT)

    engine.wait(lambda: next(states), lambda: "", process=Dockerd(None, None, None))

    assert next(states).state is State.SILENT


def test_a_dockerd_that_another_one_made_superfluous_is_no_failure() -> None:
    states = answers(State.ANSWERS)

    engine.wait(lambda: next(states), lambda: "", process=Dockerd(1))

    assert list(states) == []


def test_a_dockerd_that_ended_is_reported_with_the_end_of_its_log() -> None:
    states = answers(State.SILENT)

    with pytest.raises(SetupError, match=r"(?s)ended.*line 99") as caught:
        engine.wait(lambda: next(states), lambda: "\n".join(f"line {n}" for n in range(100)), process=Dockerd(1))

    assert "line 10\n" not in str(caught.value)
    assert caught.value.exit_code == NO_DAEMON


def test_a_daemon_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "START_LIMIT_SECONDS", -1.0)
    states = answers(State.SILENT)

    with pytest.raises(SetupError, match="did not answer"):
        engine.wait(lambda: next(states), lambda: "", process=None)
