"""The tables of ``limits.toml`` and ``suite.toml`` as pydantic models. Imported late, as pydantic is heavy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from memcap.config.values import (
    AlertShare,
    AlertSize,
    ByteDistance,
    ByteMetricName,
    CallText,
    CapName,
    CapSize,
    CpuCount,
    CpuQuota,
    Duration,
    EndingName,
    EnvName,
    FalseAlarms,
    HostName,
    ImageName,
    MetricName,
    Name,
    Number,
    OnceEach,
    ParameterName,
    ParameterValue,
    Percent,
    SecondDistance,
    Size,
    SuiteName,
    Ulimits,
    UserName,
)

MOST_RUNS = 100_000
MOST_CYCLES = 10**12
MOST_PIDS = 2**22  # of Linux


class Table(BaseModel):
    """A TOML table: unknown keys are mistakes, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ByteTolerance(Table):
    relative: Percent | None = None
    absolute: ByteDistance | None = None


class SecondTolerance(Table):
    relative: Percent | None = None
    absolute: SecondDistance | None = None


class Tolerances(Table):
    """One key for each Metric."""

    peak: ByteTolerance | None = None
    unreclaimable_peak: ByteTolerance | None = None
    rss_peak: ByteTolerance | None = None
    wall: SecondTolerance | None = None
    cpu: SecondTolerance | None = None


class ProfileTable(Table):
    suites: Annotated[list[SuiteName], OnceEach] | None = None
    images: Annotated[list[ImageName], OnceEach] | None = None
    caps: Annotated[list[CapName], OnceEach] | None = None
    tags: Annotated[list[Name], OnceEach] | None = None
    runs: int = Field(default=5, ge=1, le=MOST_RUNS)
    warmups: int = Field(default=1, ge=0, le=MOST_RUNS)
    within: Duration | None = None


class TimeLimits(Table):
    run: Duration = 120.0


class QuietTable(Table):
    """What is left out keeps the project's default, and there the default of model.Quiet."""

    pin_cpus: CpuCount = None
    thp: bool | None = None
    aslr: bool | None = None


class Container(Table):
    """What is left out keeps the default of model.ContainerPolicy."""

    network: bool | None = None
    pids: int | None = Field(default=None, ge=1, le=MOST_PIDS)
    output_limit: Size | None = None
    sample_interval: Duration | None = None
    shm_size: Size | None = None
    read_only: bool | None = None
    hostname: HostName | None = None
    env: dict[EnvName, str] | None = None
    user: UserName | None = None
    disk: ByteDistance | None = None
    file_size: ByteDistance | None = None
    cpus: CpuQuota | None = None
    cpu_time: Duration | None = None
    core: ByteDistance | None = None
    ulimits: Ulimits | None = None


class ImageTable(Table):
    """One of the two, which config/images.py sees to."""

    reference: str | None = None
    dockerfile: str | None = None
    context: str | None = None


class Judge(Table):
    minimum_runs: int = Field(default=5, ge=1, le=MOST_RUNS)
    false_alarms: FalseAlarms | None = None
    image_digest: Literal["warn", "match"] = "warn"


class Alerts(Table):
    """What is left out keeps the default of model.AlertLimits; "off" turns an alert off."""

    cap: AlertShare = None
    growth: AlertSize = None
    gc: AlertShare = None


class ProjectTable(Table):
    """The code of the project's own; paths are relative to the project."""

    package: str | None = None
    requirements: str | None = None


class LimitsFile(Table):
    """All of ``limits.toml``."""

    caps: dict[Name, CapSize] = Field(min_length=1)
    profiles: dict[Name, ProfileTable] = Field(min_length=1)
    images: dict[Name, ImageTable] = {}
    project: ProjectTable = ProjectTable()
    tolerances: Tolerances = Tolerances()
    time_limits: TimeLimits = TimeLimits()
    container: Container = Container()
    quiet: QuietTable = QuietTable()
    judge: Judge = Judge()
    alerts: Alerts = Alerts()


def _for_all_caps(value: Any) -> Any:
    """Let ``expect = "oom_killed"`` stand for the same ending under every cap."""
    return {"*": value} if isinstance(value, str) else value


class ThresholdTable(Table):
    excellent: Number
    good: Number
    acceptable: Number
    poor: Number


class BenchmarkTable(Table):
    description: str = ""
    call: CallText | None = None
    command: list[str] | None = Field(default=None, min_length=1)
    parameters: dict[ParameterName, ParameterValue] = {}
    caps: Annotated[list[CapName], OnceEach] | None = None
    budget: Size | None = None
    budget_metric: ByteMetricName = "peak"
    budget_margin: Percent = 0.0
    tolerances: Tolerances = Tolerances()
    tags: list[Name] = []
    expect: Annotated[dict[str, EndingName], BeforeValidator(_for_all_caps)] = {}
    metrics: dict[MetricName, str] = {}
    thresholds: dict[str, ThresholdTable] = {}
    alerts: dict[str, Number] = {}
    projections: dict[str, Annotated[list[Annotated[int, Field(ge=1, le=MOST_CYCLES)]], OnceEach]] = {}
    env: dict[EnvName, str] = {}
    quiet: QuietTable = QuietTable()
    time_limit: Duration | None = None
    warmups: int = Field(default=0, ge=0, le=MOST_RUNS)
    cycles: int | None = Field(default=None, ge=1, le=MOST_CYCLES)
    duration: Duration | None = None


class SuiteTable(Table):
    description: str = ""
    total: Duration | None = None
    advice: dict[str, str] = {}
    quiet: QuietTable = QuietTable()


class SuiteFile(Table):
    """All of ``suite.toml``."""

    suite: SuiteTable = SuiteTable()
    benchmarks: dict[Name, BenchmarkTable] = Field(min_length=1)
