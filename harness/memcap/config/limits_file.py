"""``limits.toml`` as the types of the model. Imported late, as it needs pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from memcap.config.project import read_package
from memcap.config.schema import (
    Alerts,
    BenchmarkContainer,
    ByteTolerance,
    Container,
    LimitsFile,
    ProfileTable,
    QuietTable,
    SecondTolerance,
    Tolerances,
)
from memcap.config.servers import service_problems, to_service
from memcap.config.source import Source
from memcap.config.validation import validate
from memcap.config.values import Names
from memcap.errors import Problem
from memcap.model import (
    DEFAULT_TOLERANCES,
    AlertLimits,
    Cap,
    ContainerPolicy,
    Metric,
    Package,
    Profile,
    Quiet,
    Rules,
    RunLimits,
    Service,
    Tolerance,
    with_mounts,
)

_Limit = TypeVar("_Limit", int, float)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What ``limits.toml`` says; ``caps`` are in order of size."""

    caps: Mapping[str, Cap]
    profiles: Mapping[str, Profile]
    rules: Rules
    policy: ContainerPolicy
    quiet: Quiet
    run_time_limit_seconds: float
    package: Package | None = None
    services: Mapping[str, Service] = field(default_factory=dict)


def read_limits(root: Path, source: Source, names: Names) -> tuple[Limits | None, list[Problem]]:
    """Return the limits, or None and all problems of the file."""
    file, problems = validate(LimitsFile, source, names)
    problems += empty_tolerances(source, ("tolerances",))
    problems += service_problems(root, source, names)
    if file is None:
        return None, problems
    package, package_problems = read_package(root, source)
    problems += package_problems
    if problems:
        return None, problems
    caps = sorted((Cap(name=name, bytes=size) for name, size in file.caps.items()), key=lambda cap: cap.bytes)
    limits = Limits(
        caps={cap.name: cap for cap in caps},
        profiles={name: _profile(name, table) for name, table in file.profiles.items()},
        rules=Rules(
            tolerances=to_tolerances(file.tolerances, {}) or DEFAULT_TOLERANCES,
            minimum_runs=file.judge.minimum_runs,
            false_alarms=file.judge.false_alarms or Rules().false_alarms,
            alerts=_alerts(file.alerts),
            same_image=file.judge.image_digest == "match",
        ),
        policy=_policy(file.container),
        quiet=to_quiet(file.quiet, Quiet()),
        run_time_limit_seconds=file.time_limits.run,
        package=package,
        services={name: to_service(name, table, root) for name, table in file.services.items()},
    )
    return limits, []


def to_tolerances(table: Tolerances, defaults: Mapping[Metric, Tolerance]) -> dict[Metric, Tolerance]:
    """Return the tolerances of ``table``; a part that is left out is that of ``defaults``, or else nothing."""
    found = {}
    for metric in Metric:
        own: ByteTolerance | SecondTolerance | None = getattr(table, metric.value)
        if own is not None:
            default = defaults.get(metric, Tolerance(relative=0.0, absolute=0.0))
            found[metric] = Tolerance(
                relative=default.relative if own.relative is None else own.relative,
                absolute=default.absolute if own.absolute is None else own.absolute,
            )
    return found


def to_quiet(table: QuietTable, default: Quiet) -> Quiet:
    """Return how quiet ``table`` asks for; what it leaves out is that of ``default``."""
    pinned: int | None = None if table.pin_cpus == "all" else table.pin_cpus
    return Quiet(
        pin_cpus=default.pin_cpus if table.pin_cpus is None else pinned,
        thp=default.thp if table.thp is None else table.thp,
        aslr=default.aslr if table.aslr is None else table.aslr,
    )


def empty_tolerances(source: Source, path: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each tolerance under ``path`` that says nothing."""
    message = "says nothing; give relative, absolute or both"
    return [source.problem((*path, name), message) for name, table in source.table(*path).items() if table == {}]


def _alerts(table: Alerts) -> AlertLimits:
    default = AlertLimits()
    return AlertLimits(
        cap_share=_unless_off(table.cap, default.cap_share),
        growth_bytes=_unless_off(table.growth, default.growth_bytes),
        gc_share=_unless_off(table.gc, default.gc_share),
    )


def _unless_off(value: _Limit | str | None, default: _Limit | None) -> _Limit | None:
    if value is None:
        return default
    return None if isinstance(value, str) else value


def _profile(name: str, table: ProfileTable) -> Profile:
    return Profile(
        name=name,
        suites=tuple(table.suites or ()),
        images=tuple(table.images or ()),
        caps=tuple(table.caps or ()),
        tags=tuple(table.tags or ()),
        runs=table.runs,
        warmups=table.warmups,
        within_seconds=table.within,
    )


def to_policy(table: BenchmarkContainer, default: ContainerPolicy) -> ContainerPolicy:
    """Return what ``table`` asks for; what it leaves out is that of ``default``, and lists are added to those there."""
    return replace(
        default,
        network=table.network or default.network,
        pids=table.pids or default.pids,
        shm_size_bytes=table.shm_size or default.shm_size_bytes,
        read_only=default.read_only if table.read_only is None else table.read_only,
        env_files=(*default.env_files, *table.env_files),
        pass_env=(*default.pass_env, *table.pass_env),
        public_env=(*default.public_env, *table.public_env),
        user=table.user or default.user,
        entrypoint=default.entrypoint if table.entrypoint is None else table.entrypoint,
        working_directory=table.workdir or default.working_directory,
        mounts=with_mounts(default.mounts, (*table.volumes, *table.mounts, *table.tmpfs)),
        add_hosts=(*default.add_hosts, *table.add_hosts),
        limits=_limits(table, default.limits),
    )


def _limits(table: BenchmarkContainer, default: RunLimits) -> RunLimits:
    return RunLimits(
        disk_bytes=default.disk_bytes if table.disk is None else table.disk,
        file_size_bytes=default.file_size_bytes if table.file_size is None else table.file_size,
        cpus=table.cpus or default.cpus,
        cpu_time_seconds=table.cpu_time or default.cpu_time_seconds,
        core_bytes=default.core_bytes if table.core is None else table.core,
        ulimits={**default.ulimits, **(table.ulimits or {})},
    )


def _policy(table: Container) -> ContainerPolicy:
    default = ContainerPolicy()
    return replace(
        to_policy(table, default),
        output_limit_bytes=table.output_limit or default.output_limit_bytes,
        sample_interval_seconds=table.sample_interval or default.sample_interval_seconds,
        hostname=table.hostname or default.hostname,
        env=default.env if table.env is None else table.env,
    )
