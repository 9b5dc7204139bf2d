"""What the options of a server mean: when it is ready, what is sent to it, and what runs next to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from memcap.config.server_words import in_one_line, parse_ready, service_name_complaint
from memcap.errors import SizeError, UsageError
from memcap.load import parse_load
from memcap.model import CommandReady, HttpReady, LoadSpec, Readiness, ServerWorkload, Service, TcpReady
from memcap.units import parse_seconds
from memcap.workflows.contradictions import Contradiction, refuse_contradictions

_Value = TypeVar("_Value")
_DURATIONS: Final = ("ready_timeout", "warm_up", "idle", "grace")


@dataclass(frozen=True, kw_only=True)
class ServingOptions:
    """What a command is asked for that measures a server, in the words and units of the command line.

    ``ready`` is a URL, tcp://HOST:PORT or a command; ``load`` is in the language of loads; ``services`` are NAME=IMAGE.
    ``load_time`` is no option: how long a load is that says nothing of it; with None it has to.
    """

    load_time: ClassVar[str | None] = None

    serve: bool = False
    ready: str | None = None
    ready_timeout: str = "60s"
    load: str | None = None
    warm_up: str = "5s"
    idle: str = "8s"
    grace: str = "10s"
    services: tuple[str, ...] = ()

    def validate(self) -> None:
        """Raise UsageError for values that cannot be read, and for options that mean nothing together."""
        refuse_contradictions(self.problems())

    def problems(self) -> tuple[Contradiction, ...]:
        """Return what can be wrong with the options, for `refuse_contradictions`."""
        given = [_option(name) for name in self._given if name != "serve"]
        return (
            (
                given and not self.serve,
                f"{', '.join(given)} cannot be used without --serve",
                "Add --serve, or leave them out.",
            ),
            (
                self.serve and self.ready is None,
                "--serve needs --ready",
                "Say when the server is ready: --ready http://localhost:8000/health, tcp://HOST:PORT or a command.",
            ),
            (
                self.serve and self.load is None,
                "--serve needs --load",
                "Say what to send: --load 'GET /items/{1..500} rate=200 for 20s'",
            ),
            *self._value_problems(),
            *self._service_problems(),
        )

    def workload(self, argv: tuple[str, ...]) -> ServerWorkload:
        """Return the server that ``argv`` starts; the options were validated. Raises UsageError, SizeError."""
        return ServerWorkload(
            argv=argv,
            ready=Readiness(check=parse_ready(self.ready or ""), time_limit_seconds=parse_seconds(self.ready_timeout)),
            load=_with_absolute_bodies(self._parsed_load(self.load or "")),
            warm_up_seconds=parse_seconds(self.warm_up),
            idle_seconds=parse_seconds(self.idle),
            grace_seconds=parse_seconds(self.grace),
            services=tuple(
                Service(name=name, image=image) for name, _, image in (word.partition("=") for word in self.services)
            ),
        )

    def retyped(self) -> tuple[str, ...]:
        """Return words of a command line that ask for the same."""
        words: list[str] = []
        for name in self._given:
            value = getattr(self, name)
            words += [_option(name)] if value is True else []
            words += [_option(name), value] if isinstance(value, str) else []
            words += [word for each in self.services for word in (_option(name), each)] if name == "services" else []
        return tuple(words)

    @property
    def _given(self) -> list[str]:
        return [each.name for each in fields(self) if getattr(self, each.name) != each.default]

    def _parsed_load(self, text: str) -> LoadSpec:
        return parse_load(text, time=self.load_time)

    def _value_problems(self) -> list[Contradiction]:
        """Return what is wrong with single values, and whether the load knows where to go."""
        problems: list[Contradiction] = []
        check: TcpReady | HttpReady | CommandReady | None = None
        if self.ready is not None:
            check = _read(problems, "ready", self.ready, parse_ready)
        load = _read(problems, "load", self.load, self._parsed_load) if self.load is not None else None
        for body in dict.fromkeys(each.body for each in load.requests if each.body) if load else ():
            problems.append((not Path(body).is_file(), f"--load: there is no file {body!r} here", ""))
        for name in _DURATIONS:
            seconds = _read(problems, name, getattr(self, name), parse_seconds)
            problems.append((name == "ready_timeout" and seconds == 0, "--ready-timeout must be longer than 0", ""))
        has_no_address = check is not None and check.target is None and self.load is not None
        remedy = "Use --ready http://HOST:PORT/… or tcp://HOST:PORT."
        return [*problems, (has_no_address, "a command does not say where the requests of --load go", remedy)]

    def _service_problems(self) -> list[Contradiction]:
        problems: list[Contradiction] = []
        for word in self.services:
            name, _, image = word.partition("=")
            is_half = not name or not image
            complaint = "" if is_half else service_name_complaint(name)
            problems.append((is_half, f"--service {word!r} is not NAME=IMAGE", "Write it like db=postgres:15."))
            problems.append((complaint, f"--service {complaint}", ""))
        counts = Counter(word.partition("=")[0] for word in self.services)
        twice = ", ".join(name for name, count in counts.items() if count > 1)
        return [*problems, (twice, f"--service names {twice} more than once", "Give each service a name of its own.")]


def _with_absolute_bodies(load: LoadSpec) -> LoadSpec:
    requests = (replace(each, body=str(Path(each.body).absolute())) if each.body else each for each in load.requests)
    return replace(load, requests=tuple(requests))


def _option(name: str) -> str:
    return "--service" if name == "services" else f"--{name.replace('_', '-')}"


def _read(problems: list[Contradiction], name: str, text: str, parse: Callable[[str], _Value]) -> _Value | None:
    """Return the value of an option; add to ``problems`` what is wrong with it."""
    try:
        return parse(text)
    except UsageError as error:
        error = in_one_line(error)
        problems.append((True, f"{_option(name)}: {error.message}", error.remedy))
    except SizeError as error:
        problems.append((True, f"{_option(name)}: {error.message}", error.remedy))
    return None
