"""Say how a cell's run is launched: the command line inside the container, its environment, name and limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from memcap.errors import PlanError
from memcap.model import (
    NO_NETWORK,
    CallWorkload,
    CampaignSettings,
    Cell,
    CommandWorkload,
    ContainerPolicy,
    Layer,
    RunLimits,
    RunSpec,
    Scalar,
    secrets_of,
    values_of,
)
from memcap.model.places import OUT, RUNNER, SUPERVISOR

IDLE: Final = (str(SUPERVISOR), "idle")  # a program that does nothing; the supervisor of it measures itself
SERVICE_CAP_BYTES: Final = 64 * 1024 * 1024
CALIBRATION_SECONDS: Final = 30
EVICTION_SECONDS: Final = 120
PAGES_SECONDS: Final = 30


def run_spec(cell: Cell, layer: Layer, settings: CampaignSettings, *, attempt: str, cpuset: str = "") -> RunSpec:
    """Return what an engine needs for one run of ``cell``; ``attempt`` makes the container's name unique.

    ``cpuset`` names the CPUs that the run is pinned to.

    Raises PlanError for a Python workload in an image without Python, and for no command at all.
    """
    benchmark = cell.benchmark
    workload = benchmark.workload
    policy = benchmark.policy or settings.policy
    env = {**values_of(policy.env), **benchmark.env}
    entrypoint = _entrypoint(layer, policy)
    if isinstance(workload, CommandWorkload):
        argv = command_argv(workload, layer, policy)
        if layer.search_path:
            env["PYTHONPATH"] = _joined(layer.search_path, env.get("PYTHONPATH", layer.image.python_path))
    else:
        argv = (*entrypoint, *_runner_argv(workload, layer))
    return RunSpec(
        campaign=settings.id,
        cell_id=cell.id,
        name=f"memcap-{settings.id}-{cell.id}-{attempt}",
        image_id=layer.id,
        argv=argv,
        env=env,
        secrets=secrets_of(policy.env),
        entrypoint=entrypoint,
        working_directory=policy.working_directory or "",
        cap_bytes=cell.cap.bytes,
        supervisor_bytes=0,
        time_limit_seconds=benchmark.time_limit_seconds or settings.time_limit_seconds,
        policy=policy,
        quiet=benchmark.quiet,
        cpuset=cpuset,
        cold=cell.is_cold,
        projections=benchmark.projections,
        user=policy.user or layer.image.user,
        has_home=bool(env["HOME"]) if "HOME" in env else layer.image.sets_home,
        metrics=None if isinstance(workload, CommandWorkload) else benchmark.returned_metrics,
    )


def calibration_spec(layer: Layer, settings: CampaignSettings) -> RunSpec:
    """Return a run of a program that does nothing, which shows what the supervisor itself needs."""
    return _service_spec("calibration", IDLE, CALIBRATION_SECONDS, layer, settings)


def eviction_spec(layer: Layer, settings: CampaignSettings, *, attempt: str) -> RunSpec:
    """Return a run that drops the page cache of all files of the layer, as far as nobody else has them open.

    It is a container of the layer itself, as only there its files have names, wherever the daemon is. ``attempt`` makes
    its name unique.
    """
    return _service_spec(f"eviction-{attempt}", (str(SUPERVISOR), "evict", "/"), EVICTION_SECONDS, layer, settings)


def pages_spec(layer: Layer, settings: CampaignSettings, *, attempt: str) -> RunSpec:
    """Return a run that prints what reading a page from the container's disk costs, as csrc/pages.h says."""
    argv = (str(SUPERVISOR), "pages", str(OUT / "pages"))
    return _service_spec(f"pages-{attempt}", argv, PAGES_SECONDS, layer, settings)


def _service_spec(
    name: str, argv: tuple[str, ...], seconds: float, layer: Layer, settings: CampaignSettings
) -> RunSpec:
    return RunSpec(
        campaign=settings.id,
        cell_id=name,
        name=f"memcap-{settings.id}-{name}",
        image_id=layer.id,
        argv=argv,
        env={},
        cap_bytes=SERVICE_CAP_BYTES,
        supervisor_bytes=0,
        time_limit_seconds=seconds,
        policy=_for_service(settings.policy),
    )


def _for_service(policy: ContainerPolicy) -> ContainerPolicy:
    """Return ``policy`` without what is the workload's alone."""
    return replace(policy, network=NO_NETWORK, env={}, mounts=(), add_hosts=(), limits=RunLimits())


def _joined(search_path: Iterable[PurePosixPath], own: str) -> str:
    """Return PYTHONPATH: the suite's folders, then what the user or the image has there."""
    return ":".join([*map(str, search_path), *([own] if own else [])])


def _entrypoint(layer: Layer, policy: ContainerPolicy) -> tuple[str, ...]:
    return layer.image.entrypoint if policy.entrypoint is None else policy.entrypoint


def command_argv(workload: CommandWorkload, layer: Layer, policy: ContainerPolicy) -> tuple[str, ...]:
    """Return what `docker run IMAGE COMMAND` would start: the entrypoint, then the command or the image's.

    As in Docker, the image's command belongs to its own entrypoint, and is not used with another.
    """
    own = layer.image.command if policy.entrypoint is None else ()
    argv = (*_entrypoint(layer, policy), *(workload.argv or own))
    if not argv:
        raise PlanError(
            f"image {layer.image.reference!r} has no command of its own",
            remedy="Say what to run: memcap measure IMAGE -- COMMAND ARGS",
        )
    return argv


def _runner_argv(workload: CallWorkload, layer: Layer) -> tuple[str, ...]:
    if layer.image.python is None:
        raise PlanError(
            f"image {layer.image.name!r} has no Python, which {workload.call!r} needs",
            remedy="Choose another image (`--image`), or make the benchmark a `command`.",
        )
    argv = [layer.image.python.executable, str(RUNNER), "--journal", str(OUT / "workload.jsonl")]
    for path in layer.search_path:
        argv += ["--path", str(path)]
    for option, value in (
        ("--warmups", workload.warmups or None),
        ("--cycles", workload.cycles),
        ("--duration", workload.duration_seconds),
    ):
        if value is not None:
            argv += [option, str(value)]
    for name, parameter in workload.parameters.items():
        argv += ["--param", f"{name}:{_typed(parameter)}"]
    return (*argv, workload.call)


def _typed(value: Scalar) -> str:
    """Spell a parameter the way the runner reads it: ``TYPE:VALUE``."""
    if value is None:
        return "none:"
    if isinstance(value, bool):
        return f"bool:{str(value).lower()}"
    return f"{type(value).__name__}:{value}"
