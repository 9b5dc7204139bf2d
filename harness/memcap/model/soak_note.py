"""What a soak's containers say of it, so that any client can follow, stop and judge it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from memcap.model.container import Secret
from memcap.model.ending import Caveat
from memcap.model.result import Environment
from memcap.model.run import RunSpec, Serving
from memcap.model.server_load import SECRET_HEADER, LoadSpec
from memcap.model.soak import SoakRules


class SoakKind(str, Enum):
    """What is run: a function or generator, a command, or a server under load."""

    CALL = "call"
    COMMAND = "command"
    SERVER = "server"

    @property
    def unit(self) -> str | None:
        """Return the word for one piece of its work; None where nothing is counted."""
        return {"call": "cycle", "server": "request"}.get(self.value)


@dataclass(frozen=True, kw_only=True)
class SoakNote:
    """A soak as its own label describes it; a secret is in none of it.

    ``name`` is the cell or the command, ``image`` its name, ``started`` an ISO 8601 time in UTC. ``spec`` is how it
    runs, without environment, files and callbacks; ``secret_variables`` are the names of variables whose values must
    not be stored. ``environment`` is where it runs, ``standing`` are the caveats that were known before.
    """

    id: str
    name: str
    image: str
    started: str
    kind: SoakKind
    rules: SoakRules
    spec: RunSpec
    secret_variables: tuple[str, ...] = ()
    standing: tuple[Caveat, ...] = ()
    environment: Environment | None = None

    @property
    def cap_bytes(self) -> int:
        """Return what the workload was promised."""
        return self.spec.cap_bytes


def noted(spec: RunSpec) -> tuple[RunSpec, tuple[str, ...]]:
    """Return ``spec`` as a note has it, and the names of its variables that hold secrets."""
    names = tuple(name for name, value in spec.policy.env.items() if isinstance(value, Secret))
    return _bare(spec), names


def _bare(spec: RunSpec) -> RunSpec:
    policy = replace(spec.policy, env={}, env_files=(), pass_env=())
    serving = None if spec.serving is None else _bare_serving(spec.serving)
    return replace(spec, env={}, secrets=(), hear=None, artefacts=None, policy=policy, serving=serving)


def _bare_serving(serving: Serving) -> Serving:
    services = tuple(
        replace(each, run=_bare(each.run), service=replace(each.service, env={}, files=())) for each in serving.services
    )
    workload, load = serving.workload, serving.workload.load
    if isinstance(load, LoadSpec):
        requests = tuple(replace(each, headers=_public(each.headers)) for each in load.requests)
        workload = replace(workload, load=replace(load, requests=requests))
    return replace(serving, workload=workload, bodies={}, services=services)


def _public(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, "" if SECRET_HEADER.search(name) else value) for name, value in headers)
