"""Servers and services of the configuration files as the types of the model. Imported late, as it needs pydantic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from memcap.config.server_schema import PhaseTable, ServerKeys, ServiceTable
from memcap.config.server_values import SERVER
from memcap.config.server_words import parse_put_file, parse_ready
from memcap.config.source import Source, nearest, shown
from memcap.config.values import Names
from memcap.errors import Problem, UsageError
from memcap.model import (
    SERVICE_CAP_BYTES,
    Budget,
    ClientCommand,
    CommandReady,
    HttpReady,
    LoadRequest,
    LoadSpec,
    Metric,
    PhaseName,
    PutFile,
    Readiness,
    ServerWorkload,
    Service,
    ServiceScope,
    TcpReady,
)

ONLY_WITH_SERVER: Final = tuple(ServerKeys.model_fields)
_NEEDED: Final = {
    "command": 'a server needs command = ["program", "argument"]',
    "ready": 'a server needs ready, such as "http://localhost:8000/health", "tcp://localhost:8000" or a command',
    "load": 'a server needs load, such as "GET /items/{1..500} rate=200 for 20s"',
}
_REFERENCE_MARKS: Final = ":/@"


def is_server(table: Mapping[str, Any]) -> bool:
    """Tell whether a benchmark, as it is written, is a server."""
    return table.get("kind") == SERVER


def service_problems(root: Path, source: Source, names: Names) -> list[Problem]:
    """Return what does not go together in each service of a file, and its files that are not there."""
    problems = []
    for name in source.table("services"):
        path = ("services", name)
        table = source.table(*path)
        image, package = table.get("image"), table.get("package")
        if (image is None) == (package is None):
            problems.append(source.problem(path, "needs either image or package"))
        if package is not None and "command" not in table:
            problems.append(source.problem(path, 'a package needs command = ["program", "argument"]'))
        if "ready_timeout" in table and "ready" not in table:
            problems.append(source.problem((*path, "ready_timeout"), "has no meaning without ready"))
        if isinstance(image, str) and image not in names.images and not set(_REFERENCE_MARKS) & set(image):
            message = f"there is no image {shown(image)}; a reference has a tag, such as redis:7"
            problems.append(source.problem((*path, "image"), message, suggestion=nearest(image, names.images)))
        files = table.get("files")
        for number, text in enumerate(files if isinstance(files, list) else ()):
            local = _source_of(text)
            if local is not None and not _is_there(root, local):
                message = f"there is no {shown(local)} in the project"
                problems.append(source.problem((*path, "files", number), message))
    return problems


def _source_of(text: object) -> str | None:
    """Return the file of this machine that is put into a service; None for what the schema refuses."""
    try:
        return parse_put_file(text).source if isinstance(text, str) else None
    except UsageError:
        return None


def server_problems(source: Source, path: tuple[str, ...], table: Mapping[str, Any]) -> list[Problem]:
    """Return what does not go together in the benchmark at ``path``, as far as servers are concerned."""
    if "kind" in table and not is_server(table):
        return []  # the schema says so
    if not is_server(table):
        message = f'goes with kind = "{SERVER}" only'
        return [source.problem((*path, key), message) for key in ONLY_WITH_SERVER if key in table]
    problems = [source.problem(path, message) for key, message in _NEEDED.items() if key not in table]
    if "call" in table:
        problems.append(source.problem((*path, "call"), "a server is a command; a function cannot serve"))
    load, ready = table.get("load"), table.get("ready")
    if "levels" in table and isinstance(load, list):
        message = "goes with a load that memcap sends; a load generator of your own sends what it likes"
        problems.append(source.problem((*path, "levels"), message))
    if "levels" in table and ((isinstance(load, dict) and "levels" in load) or " levels=" in str(load)):
        problems.append(source.problem((*path, "levels"), "the load has levels too; leave one of them out"))
    if isinstance(load, str | dict) and _is_command(ready):
        message = "a command does not say where the requests of the load go; use http://HOST:PORT/… or tcp://HOST:PORT"
        problems.append(source.problem((*path, "ready"), message))
    return problems + _phase_problems(source, path, table)


def _is_command(ready: object) -> bool:
    """Tell whether a readiness check, as it is written, is a command."""
    if not isinstance(ready, str):
        return isinstance(ready, list)
    try:
        return isinstance(parse_ready(ready), CommandReady)
    except UsageError:
        return False  # the schema says so


def body_problems(root: Path, source: Source, path: tuple[str, ...], keys: ServerKeys) -> list[Problem]:
    """Return a problem for each file of a request's body that is not there."""
    asked = [("load", each) for each in (keys.load.requests if isinstance(keys.load, LoadSpec) else ())]
    asked += [("collect", keys.collect)] if isinstance(keys.collect, LoadRequest) else []
    missing = dict.fromkeys((key, each.body) for key, each in asked if each.body and not _is_there(root, each.body))
    return [source.problem((*path, key), f"there is no {shown(body)} in the project") for key, body in missing]


def _phase_problems(source: Source, path: tuple[str, ...], table: Mapping[str, Any]) -> list[Problem]:
    problems = []
    phases = source.table(*path, "phases")
    expecting = [name for name, own in phases.items() if isinstance(own, dict) and "expect" in own]
    for name, own in phases.items():
        if isinstance(own, dict) and "budget" not in own:
            problems += [
                source.problem((*path, "phases", name, key), "has no meaning without budget")
                for key in ("budget_metric", "budget_margin")
                if key in own
            ]
    if "collect" in phases and "collect" not in table:
        problems.append(source.problem((*path, "phases", "collect"), "has no meaning without collect"))
    others = expecting if "expect" in table else expecting[1:]
    message = "a run ends once: leave expect to one phase, or to the benchmark"
    return problems + [source.problem((*path, "phases", name, "expect"), message) for name in others]


def to_service(name: str, table: ServiceTable, root: Path) -> Service:
    """Return the service; relative paths of this machine are from ``root``."""
    return Service(
        name=name,
        image=table.image,
        package=table.package,
        argv=tuple(table.command or ()),
        env=table.env,
        cap_bytes=table.cap or SERVICE_CAP_BYTES,
        ready=None if table.ready is None else _readiness(table.ready, table.ready_timeout),
        files=tuple(PutFile(source=_absolute(root, each.source), target=each.target) for each in table.files),
        tmpfs={mount.target: mount.options for mount in table.tmpfs},
        user=table.user,
        scope=ServiceScope(table.fresh),
        stop_signal=table.stop_signal,
    )


def to_server(argv: tuple[str, ...], keys: ServerKeys, services: Mapping[str, Service], root: Path) -> ServerWorkload:
    """Return the server that a benchmark describes; ``keys`` were checked."""
    assert keys.ready is not None and keys.load is not None, "server_problems() has them"  # noqa: PT018
    load: LoadSpec | ClientCommand = keys.load
    if isinstance(load, LoadSpec):
        requests = tuple(_with_absolute_body(root, each) for each in load.requests)
        load = replace(load, requests=requests, levels=keys.levels or load.levels)
    collect = keys.collect
    given: dict[str, Any] = {
        "warm_up_seconds": keys.warm_up,
        "idle_seconds": keys.idle,
        "collect": _with_absolute_body(root, collect) if isinstance(collect, LoadRequest) else collect,
        "grace_seconds": keys.grace,
    }
    return ServerWorkload(
        argv=argv,
        ready=_readiness(keys.ready, keys.ready_timeout),
        load=load,
        services=tuple(services[name] for name in keys.services or ()),
        **{name: value for name, value in given.items() if value is not None},
    )


def _with_absolute_body(root: Path, request: LoadRequest) -> LoadRequest:
    return replace(request, body=_absolute(root, request.body)) if request.body else request


def phase_budgets(phases: Mapping[str, PhaseTable]) -> dict[PhaseName, Budget]:
    """Return the budgets of single phases."""
    return {
        PhaseName(name): Budget(
            metric=Metric(table.budget_metric), limit_bytes=table.budget, margin=table.budget_margin
        )
        for name, table in phases.items()
        if table.budget is not None
    }


def expected_phase(phases: Mapping[str, PhaseTable]) -> PhaseName | None:
    """Return the phase in which the run should end; None for any."""
    return next((PhaseName(name) for name, table in phases.items() if table.expect), None)


def _readiness(check: TcpReady | HttpReady | CommandReady, time_limit: float | None) -> Readiness:
    return Readiness(check=check) if time_limit is None else Readiness(check=check, time_limit_seconds=time_limit)


def _is_there(root: Path, path: str) -> bool:
    return os.path.exists(_absolute(root, path))  # noqa: PTH110 - Path raises for a name that is too long


def _absolute(root: Path, path: str) -> str:
    return os.path.realpath(root / (Path(path).expanduser() if path.startswith("~/") else Path(path)))
