"""Say how a run of a server is launched: its services and client, how it is stopped, how long all of it may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from memcap.errors import PlanError
from memcap.load.words import MOST_RATE
from memcap.model import (
    CLIENT_LAYER,
    ClientCommand,
    CollectSignal,
    CommandWorkload,
    ContainerPolicy,
    Layer,
    LoadRequest,
    LoadSpec,
    Mount,
    MountKind,
    RunSpec,
    ServerWorkload,
    Service,
    ServiceSpec,
    Serving,
    signal_number,
)
from memcap.run_spec import command_argv

MOST_BODY_BYTES: Final = 8 * 1024 * 1024
SEED: Final = 0  # of the numbers in requests: all runs get the same ones
SERVICE_GRACE_SECONDS: Final = 10.0  # as `docker stop` has it
SOAK_IDLE_SECONDS: Final = 2.0  # at the end of a soak, whose verdict needs none
SPARE_SECONDS: Final = 60.0  # for what has no length of its own: starting containers, a collection


class BodyFiles:
    """The files that requests send, each read once: a file that changes meanwhile does not change the load."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def of(self, workload: ServerWorkload) -> dict[str, bytes]:
        """Return what the files contain that the requests of ``workload`` name. Raises PlanError."""
        requests = workload.load.requests if isinstance(workload.load, LoadSpec) else ()
        asked = (*requests, workload.collect) if isinstance(workload.collect, LoadRequest) else requests
        return {each.body: self._content(each.body) for each in asked if each.body is not None}

    def _content(self, name: str) -> bytes:
        if name not in self._contents:
            self._contents[name] = _read_body(name)
        return self._contents[name]


def serving_spec(
    spec: RunSpec,
    workload: ServerWorkload,
    layer: Layer,
    layers: Mapping[tuple[str, str], Layer],
    *,
    files: BodyFiles,
) -> RunSpec:
    """Return ``spec``, which starts ``workload``, as the run of a server. ``layers`` has those of services and client.

    A run may take as long as its phases do. Raises PlanError for the file of a request that cannot be read or is too
    large, and for a service without a command.
    """
    needed, given = needed_seconds(workload), spec.time_limit_seconds
    limit = max(given, needed) if isinstance(workload.load, LoadSpec) else needed + given
    client = layers[CLIENT_LAYER]
    assert client.image.python is not None, "the client's layer is one with Python"
    serving = Serving(
        workload=workload,
        client_image_id=client.id,
        client_python=client.image.python.executable,
        bodies=files.of(workload),
        seed=SEED,
        tool_limit_seconds=given,
        services=tuple(_service_spec(spec, each, layers[each.layer_name], limit) for each in workload.services),
    )
    return replace(
        spec,
        stop_signal=signal_number(layer.image.stop_signal),
        grace_seconds=workload.grace_seconds,
        time_limit_seconds=limit,
        secrets=(*spec.secrets, *_secret_headers(workload)),
        serving=serving,
    )


def alone(spec: RunSpec) -> RunSpec:
    """Return ``spec`` without what is of servers: for another program in the same container."""
    spec = replace(spec, look_seconds=0.0, max_rss_bytes=None, stop_after_seconds=0.0)
    return replace(spec, serving=None, stop_signal=0, grace_seconds=0.0)


def soaked(workload: ServerWorkload, *, seconds: float, rate: float) -> ServerWorkload:
    """Return ``workload`` with one load of ``seconds`` at ``rate`` times its own rate, after the warm-up as it is.

    Raises PlanError for what needs memcap itself while the soak runs, and for a load that cannot be sent.
    """
    if isinstance(workload.load, ClientCommand):
        raise PlanError(
            "a soak cannot use a load generator of your own: it goes on when the memcap that started it has ended",
            remedy='Give it a load that memcap sends, such as load = "GET / rate=20 for 10s".',
        )
    if isinstance(workload.collect, CollectSignal):
        raise PlanError(
            f"a soak cannot send {workload.collect.name}: it goes on when the memcap that started it has ended",
            remedy='Use a request, such as collect = "POST /collect", or leave `collect` out.',
        )
    load = replace(workload.load, rate=workload.load.rate * rate, seconds=seconds, levels=(1.0,))
    if load.rate > MOST_RATE:
        raise PlanError(
            f"--rate makes {load.rate:g} requests a second of this load; at most {MOST_RATE} are possible",
            remedy=f"Use --rate {MOST_RATE / workload.load.rate:g} or less.",
        )
    if load.count < 1:
        raise PlanError(
            f"a soak of {seconds:g} s at {load.rate:g} requests a second sends none",
            remedy=f"Soak for {1 / load.rate:g} s or longer, or use a larger --rate.",
        )
    return replace(workload, load=load, idle_seconds=min(workload.idle_seconds, SOAK_IDLE_SECONDS))


def _secret_headers(workload: ServerWorkload) -> tuple[str, ...]:
    """Return what requests say that must not be stored: a server may log it."""
    of_load = workload.load.secrets if isinstance(workload.load, LoadSpec) else ()
    of_collect = workload.collect.secrets if isinstance(workload.collect, LoadRequest) else ()
    return (*of_load, *of_collect)


def needed_seconds(workload: ServerWorkload) -> float:
    """Return how long a run of ``workload`` may take; a load generator of the user's own has no such length."""
    timeouts = len(workload.levels) * (workload.load.timeout_seconds if isinstance(workload.load, LoadSpec) else 0.0)
    ready = workload.ready.time_limit_seconds
    ready += sum(each.ready.time_limit_seconds for each in workload.services if each.ready is not None)
    collect = workload.idle_seconds if workload.collect is not None else 0.0
    return ready + workload.configured_seconds + timeouts + collect + workload.grace_seconds + SPARE_SECONDS


def _service_spec(spec: RunSpec, service: Service, layer: Layer, limit: float) -> ServiceSpec:
    tmpfs = (Mount(kind=MountKind.TMPFS, target=target, options=own) for target, own in service.tmpfs.items())
    policy = ContainerPolicy(network=spec.policy.network, user=service.user, mounts=tuple(tmpfs), env={})
    try:
        argv = command_argv(CommandWorkload(argv=service.argv), layer, policy)
    except PlanError as error:
        remedy = f"Say what to run: `command` in [services.{service.name}] of suite.toml."
        raise PlanError(error.message, remedy=remedy) from error
    run = RunSpec(
        campaign=spec.campaign,
        cell_id=spec.cell_id,
        name=f"{spec.name}-{service.name}",
        image_id=layer.id,
        argv=argv,
        env=dict(service.env),
        cap_bytes=service.cap_bytes,
        supervisor_bytes=0,
        time_limit_seconds=limit,
        policy=policy,
        user=service.user or layer.image.user,
        has_home=bool(service.env.get("HOME", layer.image.sets_home)),
        stop_signal=signal_number(service.stop_signal or layer.image.stop_signal),
        grace_seconds=SERVICE_GRACE_SECONDS,
    )
    return ServiceSpec(service=service, image=layer.image.reference, run=run)


def _read_body(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            content = file.read(MOST_BODY_BYTES + 1)
    except OSError as error:
        why = f"could not be read: {error.strerror}"
        raise PlanError(f"the body {name} of a request {why}", remedy="Check `body=` of the load.") from error
    if len(content) > MOST_BODY_BYTES:
        why = f"is larger than {MOST_BODY_BYTES // 1024**2} MiB"
        raise PlanError(f"the body {name} of a request {why}", remedy="Send a smaller file.")
    return content
