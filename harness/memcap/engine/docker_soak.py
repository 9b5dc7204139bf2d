"""The containers of soaks, which outlive the client that started them; their labels say what they are.

The label NOTE_LABEL of the workload's container says all that is needed to follow and to judge the soak. A server has a
pod around it (docker_pod.py): all of it is created at once, and ``advance`` does what the load client asks for. Whoever
follows a soak calls it, again and again; a new client takes over wherever the last one was.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from memcap.engine.docker_archive import packed_contents
from memcap.engine.docker_client import already_gone
from memcap.engine.docker_collect import WORKLOAD_JOURNAL, collect, lines_of, own_lines
from memcap.engine.docker_create import create_client, create_holder, create_run, in_network
from memcap.engine.docker_exec import refusal_of
from memcap.engine.docker_labels import (
    CAMPAIGN_LABEL,
    KIND_LABEL,
    LABEL,
    ROLE_LABEL,
    SOAK,
    WORKLOAD,
    Ownership,
    container_ownership,
)
from memcap.engine.docker_load_client import start_client, tell_client
from memcap.engine.docker_logs import log_lines, log_text
from memcap.engine.docker_member import TERM
from memcap.engine.docker_mounts import copy_in, put_files
from memcap.engine.framed import SECRET_VARIABLE, new_secret
from memcap.errors import EngineError
from memcap.load import PodEvent
from memcap.load.script import SERVER_FILE, service_file
from memcap.model import CommandReady, RawRun, RawServing, RunSpec
from memcap.model.places import OUT

if TYPE_CHECKING:
    from docker import DockerClient

NOTE_LABEL: Final = "memcap.soak.note"
HOLDER, CLIENT_ROLE = "holder", "client"
SERVICE: Final = "service:"  # and its name
_HIDDEN_VARIABLE: Final = "MEMCAP_HIDDEN"  # of the load client: what must not be stored
_ASKED: Final = "stop-asked"  # a file beside the journals: memcap itself was asked to end the soak
_ACTIVE: Final = ("running", "paused", "restarting")
_SPARE_SECONDS: Final = 30.0
_LAST_LINES: Final = 8  # of the supervisor's journal, which say what was there at the end
_BEING_REMOVED: Final = ("marked for removal", "already in progress")  # what the daemon says then
_OVER: Final = frozenset({"done", "not_ready"})


@dataclass(frozen=True, kw_only=True)
class SoakContainers:
    """The containers of the soak ``id``, by their roles; ``note`` and ``env`` are those of the workload's.

    ``status`` is Docker's word for that container when it was found, ``started`` and ``finished`` are its times.
    """

    id: str
    note: str
    roles: Mapping[str, str]
    status: str
    started: str = ""
    finished: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def workload(self) -> str:
        """Return the container of the workload."""
        return self.roles[WORKLOAD]

    @property
    def is_running(self) -> bool:
        """Tell whether the workload ran when it was looked at, or was about to."""
        return self.status in (*_ACTIVE, "created")

    @property
    def secret(self) -> str:
        """Return what the supervisor's lines begin with."""
        return self.env.get(SECRET_VARIABLE, "")


class SoakRemovedError(EngineError):
    """Another client removed the containers of a soak."""


def start_soak(client: DockerClient, spec: RunSpec, note: str, *, copies_mounts: bool) -> None:
    """Create the containers of a soak and start them; nothing is left if that fails. Raises docker's errors."""
    made: list[str] = []
    try:
        _start(client, spec, note, made, copies_mounts=copies_mounts)
    except BaseException:
        for container in reversed(made):
            with suppress(Exception), already_gone():  # the first error is the one to tell
                client.api.remove_container(container, force=True, v=True)
        raise


def _start(client: DockerClient, spec: RunSpec, note: str, made: list[str], *, copies_mounts: bool) -> None:
    api, serving = client.api, spec.serving
    network = None
    if serving is not None:
        made.append(create_holder(client, spec, _labels(HOLDER)))
        network = f"container:{made[0]}"
    own = spec if network is None else in_network(spec, network)
    made.append(
        create_run(
            client, own, new_secret(), copies_mounts=copies_mounts, labels={**_labels(WORKLOAD), NOTE_LABEL: note}
        )
    )
    workload = made[-1]
    if copies_mounts:
        copy_in(client, workload, spec.policy)
    if serving is None or network is None:
        api.start(workload)
        return
    api.start(made[0])
    for each in serving.services:
        joined = in_network(each.run, network)
        labels = _labels(SERVICE + each.service.name)
        made.append(create_run(client, joined, new_secret(), copies_mounts=False, labels=labels))
        put_files(client, made[-1], each.service.files)
        api.start(made[-1])
    hidden = {_HIDDEN_VARIABLE: json.dumps(spec.secrets)}  # a server may print headers of its requests
    made.append(create_client(client, spec, serving, network, _labels(CLIENT_ROLE), hidden))
    start_client(client, made[-1], serving, progress_seconds=spec.look_seconds)


def _labels(role: str) -> dict[str, str]:
    return {KIND_LABEL: SOAK, ROLE_LABEL: role}


def find_soaks(client: DockerClient) -> tuple[SoakContainers, ...]:
    """Return the soaks that this daemon has, oldest first. Raises docker's errors."""
    found = client.api.containers(all=True, filters={"label": [f"{LABEL}=1", f"{KIND_LABEL}={SOAK}"]})
    roles: dict[str, dict[str, str]] = {}
    for one in sorted(found, key=lambda each: float(each["Created"])):
        labels = one.get("Labels") or {}
        if container_ownership(labels, one.get("Names") or ()) is Ownership.OURS:
            roles.setdefault(labels.get(CAMPAIGN_LABEL, ""), {})[labels.get(ROLE_LABEL, "")] = one["Id"]
    soaks = []
    for name, own in roles.items():
        if WORKLOAD in own:
            with already_gone():  # another client has just collected it
                soaks.append(_inspected(client, name, own))
    return tuple(soaks)


def look_again(client: DockerClient, soak: SoakContainers) -> SoakContainers:
    """Return ``soak`` as it is now. Raises docker's errors, and SoakRemovedError if it is gone."""
    with unless_removed(soak):
        return _inspected(client, soak.id, soak.roles)


@contextmanager
def unless_removed(soak: SoakContainers) -> Iterator[None]:
    """Raise SoakRemovedError if the containers of ``soak`` are gone, or are being removed, by another client."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - heavy

    try:
        yield
    except APIError as error:
        if not isinstance(error, NotFound) and not any(words in str(error) for words in _BEING_REMOVED):
            raise
        raise SoakRemovedError(
            f"another client removed the containers of the soak {soak.id}",
            remedy="If it collected the soak, the report is where that client saved it.",
        ) from error


def _inspected(client: DockerClient, name: str, roles: Mapping[str, str]) -> SoakContainers:
    facts = client.api.inspect_container(roles[WORKLOAD])
    state, own = facts["State"], facts["Config"]
    return SoakContainers(
        id=name,
        note=(own.get("Labels") or {}).get(NOTE_LABEL, ""),
        roles=roles,
        status=str(state["Status"]),
        started=str(state.get("StartedAt") or ""),
        finished=str(state.get("FinishedAt") or ""),
        env=_variables(facts),
    )


def _variables(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the environment variables of a container that was inspected."""
    pairs = (entry.partition("=") for entry in facts["Config"].get("Env") or ())
    return {name: value for name, _, value in pairs}


def memory_lines(client: DockerClient, soak: SoakContainers) -> Iterator[str]:
    """Yield the lines of the supervisor's journal; none where others wrote it."""
    yield from own_lines(client, soak.workload, soak.secret)


def work_lines(client: DockerClient, soak: SoakContainers) -> Iterator[str]:
    """Yield the lines that the runner, or what looks on in a Python program, wrote."""
    return lines_of(client, soak.workload, WORKLOAD_JOURNAL)


def client_lines(client: DockerClient, soak: SoakContainers) -> Iterator[str]:
    """Yield the lines of the load client; none where there is none."""
    if CLIENT_ROLE in soak.roles:
        yield from log_lines(client, soak.roles[CLIENT_ROLE], follows=False)


def advance(client: DockerClient, soak: SoakContainers, spec: RunSpec, told: Sequence[PodEvent]) -> bool:
    """Do what the load client of a soak asks for, which has ``told`` that; return whether the soak is over.

    Raises docker's errors.
    """
    if spec.serving is None:
        return not soak.is_running
    events = {each.event for each in told}
    if events & _OVER or not (soak.is_running and _all_run(client, soak)):
        return True
    if "services_ready" in events and soak.status == "created":
        client.api.start(soak.workload)
    ready = {each.name for each in told if each.event == "ready"}
    for each in told:
        if each.event == "check_wanted" and each.name not in ready:
            _check_once(client, soak, spec, each.name)
    return False


def _all_run(client: DockerClient, soak: SoakContainers) -> bool:
    others = (container for role, container in soak.roles.items() if role != WORKLOAD)
    return all(_status(client, each) in _ACTIVE for each in others)


def _status(client: DockerClient, container: str) -> str:
    """Return Docker's word for the state of a container."""
    return str(client.api.inspect_container(container)["State"]["Status"])


def _check_once(client: DockerClient, soak: SoakContainers, spec: RunSpec, name: str) -> None:
    """Try the command that says whether a service or the server is ready, and tell the load client if it is."""
    serving = spec.serving
    assert serving is not None
    ready = serving.readiness(name)
    container = soak.roles[SERVICE + name] if name else soak.workload
    if not isinstance(ready.check, CommandReady) or (not name and soak.status != "running"):
        return
    own = next((each.run for each in serving.services if each.service.name == name), spec)
    if not refusal_of(client, container, ready.check.argv, user=own.user):
        tell_client(client, soak.roles[CLIENT_ROLE], service_file(name) if name else SERVER_FILE)


def _stop(client: DockerClient, container: str, grace_seconds: float) -> None:
    """Send the signal that the supervisor makes the workload's stop signal of, and wait for its report."""
    from docker.errors import APIError  # noqa: PLC0415 - heavy

    if _status(client, container) == "running":
        with suppress(APIError):  # it has just ended
            client.api.kill(container, TERM)
        client.api.wait(container, timeout=math.ceil(grace_seconds + _SPARE_SECONDS))


def collect_soak(client: DockerClient, soak: SoakContainers, spec: RunSpec) -> RawRun:
    """Return what a soak left; its workload and services are ended before. Raises docker's errors."""
    serving = spec.serving
    if look_again(client, soak).status == "running":
        client.api.put_archive(soak.workload, str(OUT), packed_contents({_ASKED: b"asked\n"}))
    client_ran = CLIENT_ROLE in soak.roles and _status(client, soak.roles[CLIENT_ROLE]) in _ACTIVE
    _stop(client, soak.workload, spec.grace_seconds)
    raw = collect(client, soak.workload, spec, soak.secret)
    raw = replace(raw, supervisor_journal="\n".join(deque(memory_lines(client, soak), maxlen=_LAST_LINES)))
    if serving is None:
        return raw
    left = []
    for each in serving.services:
        container = soak.roles[SERVICE + each.service.name]
        _stop(client, container, each.run.grace_seconds)
        secret = _variables(client.api.inspect_container(container)).get(SECRET_VARIABLE, "")
        left.append(collect(client, container, each.run, secret))
    errors = log_text(client, soak.roles[CLIENT_ROLE], errors=True)
    events = "\n".join(client_lines(client, soak))
    told = RawServing(events=events, client_errors=errors, client_ran=client_ran, services=tuple(left))
    return replace(raw, serving=told)


def hidden_values(client: DockerClient, soak: SoakContainers) -> tuple[str, ...]:
    """Return what must not be stored of the load: values of headers. Raises docker's errors."""
    if CLIENT_ROLE not in soak.roles:
        return ()
    env = _variables(client.api.inspect_container(soak.roles[CLIENT_ROLE]))
    values: list[str] = json.loads(env.get(_HIDDEN_VARIABLE, "[]"))
    return tuple(values)


def was_asked_to_stop(client: DockerClient, soak: SoakContainers) -> bool:
    """Tell whether memcap ended the workload of a soak. Raises docker's errors."""
    return any(lines_of(client, soak.workload, _ASKED))


def remove_soak(client: DockerClient, soak: SoakContainers) -> None:
    """Remove the containers of a soak. Raises docker's errors.

    The workload's comes after the others, as until then the soak can be found; but the holder of the network is last,
    since Podman removes none that another one depends on.
    """
    for role in sorted(soak.roles, key=lambda each: (each == HOLDER, each == WORKLOAD)):
        with already_gone():
            client.api.remove_container(soak.roles[role], force=True, v=True)
