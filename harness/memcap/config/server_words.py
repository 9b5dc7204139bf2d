"""How files and options say when a server is ready, what makes it collect its garbage, and which files it gets."""

from __future__ import annotations

import re
import shlex
from typing import Final

from memcap.config.docker_options import parse_volume
from memcap.config.source import nearest, shown
from memcap.errors import UsageError
from memcap.load import parse_request, parse_target
from memcap.model import CollectSignal, CommandReady, HttpReady, LoadRequest, MountKind, PutFile, TcpReady
from memcap.model.names import name_complaint

COLLECT_SIGNALS: Final = ("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGWINCH")  # those that a program may use as it likes
READY_EXAMPLE: Final = "http://localhost:8000/health, tcp://localhost:8000 or a command"
LONGEST_LABEL: Final = 63  # of the name of a host
_ADDRESS: Final = re.compile(r"[\w.-]+:\d{1,5}(/\S*)?", re.ASCII)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|unix:", re.ASCII)


def parse_ready(text: str) -> TcpReady | HttpReady | CommandReady:
    """Return the check that ``http://…``, ``tcp://HOST:PORT`` or a command describes. Raises UsageError."""
    if _ADDRESS.fullmatch(text):
        raise UsageError(f"{shown(text)} has no scheme", remedy=f"Write tcp://{text} or http://{text}.")
    if not _SCHEME.match(text):
        return command_ready(_split(text))
    target = parse_target(text)
    if target.unix is not None:
        raise UsageError(
            f"{shown(text)}: a readiness check cannot use a Unix socket",
            remedy=f"Use a command, such as: test -S {target.unix}",
        )
    if text.startswith("tcp:"):
        return TcpReady(host=target.host, port=target.port)
    return HttpReady(url=text)


def command_ready(words: tuple[str, ...]) -> CommandReady:
    """Return the check that a command is. Raises UsageError for none."""
    if not words or not words[0]:
        raise UsageError("the command is empty", remedy=f"Write {READY_EXAMPLE}.")
    return CommandReady(argv=words)


def parse_collect(text: str) -> LoadRequest | CollectSignal:
    """Return the request (``POST /collect``) or the signal (``SIGUSR1``) that ``text`` names. Raises UsageError."""
    if not text.upper().startswith("SIG") or " " in text.strip():
        return parse_request(text)
    if text not in COLLECT_SIGNALS:
        near = nearest(text.upper(), COLLECT_SIGNALS)
        hint = f"Did you mean {near}? " if near else ""
        raise UsageError(
            f"{shown(text)} is not a signal for a collection", remedy=f"{hint}There are {', '.join(COLLECT_SIGNALS)}."
        )
    return CollectSignal(name=text)


def parse_put_file(text: str) -> PutFile:
    """Return what ``SRC:DST`` copies into a container. Raises UsageError."""
    mount = parse_volume(text)
    if mount.kind is not MountKind.BIND or mount.read_only:
        raise UsageError(f"{shown(text)} is not SRC:DST", remedy="Write it like ./db.conf:/etc/db.conf.")
    return PutFile(source=mount.source, target=mount.target)


def service_name_complaint(name: str) -> str:
    """Say what is wrong with ``name`` as that of a service, which is the name of a host too; empty if nothing is."""
    if name == "localhost":
        return f"{name!r} is the server itself; choose another name"
    if len(name) > LONGEST_LABEL and not name_complaint(name):
        return f"{name!r} is too long for the name of a host: at most {LONGEST_LABEL} characters are allowed"
    return name_complaint(name)


def in_one_line(error: UsageError) -> UsageError:
    """Return ``error`` with its list of problems in one line, to stand in a list itself."""
    first, *others = (line.strip() for line in error.message.splitlines())
    return UsageError(f"{first} {'; '.join(others)}".rstrip(), remedy=error.remedy)


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{shown(text)}: {str(error).lower()}", remedy="Quotes come in pairs.") from error
