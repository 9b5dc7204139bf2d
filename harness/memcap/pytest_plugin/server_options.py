"""What a test asks of ``memory_server``, checked before anything starts."""

from __future__ import annotations

import math
import shlex
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypedDict, TypeVar

from memcap.config.server_words import parse_ready
from memcap.config.source import nearest, shown
from memcap.errors import MemcapError, UsageError
from memcap.model import NO_NETWORK, READY_SECONDS, CommandReady, HttpReady, LoadTarget, Readiness, TcpReady
from memcap.units import counted, parse_bytes

PORT: Final = "{port}"
DEFAULT_CAP_BYTES: Final = 256 * 1024**2
DEFAULT_NETWORK: Final = "bridge"
HOST_NETWORK: Final = "host"
GRACE_SECONDS: Final = 10.0
_OF_CONTAINERS: Final = ("cap", "network")
_ANY: Final[TcpReady | HttpReady | CommandReady] = TcpReady(host="localhost", port=1)  # in place of what is wrong

_T = TypeVar("_T")


class ServerOptions(TypedDict, total=False):
    """The options of ``memory_server``; docs/pytest.md says what they mean."""

    ready_timeout: float
    grace: float
    env: Mapping[str, str]
    cwd: str | Path
    image: str
    cap: str
    network: str


_NAMES: Final = frozenset({"command", "ready", *ServerOptions.__annotations__})


@dataclass(frozen=True, kw_only=True)
class ContainerSettings:
    """The container that a server runs in."""

    image: str
    cap_bytes: int
    network: str


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """A server to start. ``argv`` may be empty in a container: the image's own command. None for ``container``: none.

    ``port`` is the one that memcap chose, None if it was not asked to.
    """

    argv: tuple[str, ...]
    ready: Readiness
    grace_seconds: float = GRACE_SECONDS
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    container: ContainerSettings | None = None
    port: int | None = None

    @property
    def target(self) -> LoadTarget | None:
        """Return where the server listens; None if a command says when it is ready."""
        return self.ready.check.target


def server_settings(command: str | Sequence[str | Path], ready: str, options: Mapping[str, object]) -> ServerSettings:
    """Return what a test asked for, with a free port for each ``{port}``. Raises UsageError with all that is wrong."""
    given = _GivenOptions({"command": command, "ready": ready, **options})
    argv: tuple[str, ...] = given.read("command", _words, ())
    env: dict[str, str] = given.read("env", _env, {})
    text = given.read("ready", _text, "")
    port = free_port() if any(PORT in each for each in (*argv, text, *env.values())) else None
    check = given.read("ready", lambda _: parse_ready(_with_port(text, port)), _ANY) if text else _ANY
    found = ServerSettings(
        argv=tuple(_with_port(word, port) for word in argv),
        ready=Readiness(check=check, time_limit_seconds=given.read("ready_timeout", _seconds, READY_SECONDS)),
        grace_seconds=given.read("grace", _seconds, GRACE_SECONDS),
        env={name: _with_port(value, port) for name, value in env.items()},
        cwd=given.read("cwd", _path if "image" in options else _folder, None),
        container=_container(given, options),
        port=port,
    )
    if found.container is None and not argv and not given.problems:
        given.problems.append("command: it is empty")
    if given.problems:
        lines = "\n".join(f"  {problem}" for problem in given.problems)
        raise UsageError(f"memory_server has {counted(len(given.problems), 'problem')}; nothing was started.\n{lines}")
    return found


class _GivenOptions:
    """The options of a test, and what is wrong with those that were read."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = options
        self.problems: list[str] = []
        for name in options.keys() - _NAMES:
            near = nearest(name, tuple(_NAMES))
            self.problems.append(f"{name}: there is no such option" + (f"; did you mean {near}?" if near else ""))

    def read(self, name: str, read: Callable[[object], _T], default: _T) -> _T:
        """Return an option as ``read`` has it, ``default`` where it was not given, or is wrong."""
        if name not in self._options:
            return default
        try:
            return read(self._options[name])
        except (MemcapError, ValueError) as error:
            self.problems.append(f"{name}: {' '.join(line.strip() for line in str(error).splitlines())}")
            return default


def _container(given: _GivenOptions, options: Mapping[str, object]) -> ContainerSettings | None:
    cap = given.read("cap", lambda value: parse_bytes(_text(value)), DEFAULT_CAP_BYTES)
    network = given.read("network", _network, DEFAULT_NETWORK)
    if "image" in options:
        return ContainerSettings(image=given.read("image", _text, ""), cap_bytes=cap, network=network)
    given.problems += [f"{name}: it is for containers; give `image` too" for name in _OF_CONTAINERS if name in options]
    return None


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _with_port(text: str, port: int | None) -> str:
    return text if port is None else text.replace(PORT, str(port))


def _words(command: object) -> tuple[str, ...]:
    if isinstance(command, str):
        return tuple(shlex.split(command))
    if isinstance(command, Sequence) and all(isinstance(word, str | Path) for word in command):
        return tuple(map(str, command))
    raise ValueError("expected a text or a list of words")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a text, not {shown(value)}")
    return value


def _network(value: object) -> str:
    if value == NO_NETWORK:
        raise ValueError("a server without a network cannot be reached by the test")
    return _text(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"expected seconds above 0, not {shown(value)}")
    return float(value)


def _env(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise ValueError("expected names and values that are texts")
    return dict(value)


def _path(value: object) -> str | None:
    if not isinstance(value, str | Path | None):
        raise ValueError(f"expected a folder, not {shown(value)}")
    return None if value is None else str(value)


def _folder(value: object) -> str | None:
    path = _path(value)
    if path is not None and not Path(path).is_dir():
        raise ValueError(f"there is no folder {shown(path)}")
    return path
