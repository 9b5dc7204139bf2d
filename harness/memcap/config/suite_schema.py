"""The tables of ``suite.toml`` as pydantic models. Imported late, as pydantic is heavy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from memcap.config.schema import (
    MOST_CYCLES,
    MOST_RUNS,
    BenchmarkContainer,
    QuietTable,
    Tolerances,
)
from memcap.config.server_schema import ServerKeys, ServiceTable
from memcap.config.server_values import Kind, NewService
from memcap.config.toml_table import TomlTable, keeps
from memcap.config.values import (
    ByteMetricName,
    CallText,
    CapName,
    Duration,
    EndingName,
    EnvName,
    ExpectedByCap,
    MetricName,
    Name,
    Number,
    OnceEach,
    ParameterName,
    ParameterValue,
    Percent,
    Size,
)


class ThresholdTable(TomlTable):
    """The figures up to which a metric is excellent, good and acceptable, and beyond which it is poor.

    They rise where less is better, and fall where more is better.
    """

    excellent: Number = Field(description="Up to here it is excellent.")
    good: Number = Field(description="Up to here it is good.")
    acceptable: Number = Field(description="Up to here it is acceptable, and marginal beyond.")
    poor: Number = Field(description="Beyond this it is poor, which breaks the check.")


class WorkloadTable(TomlTable):
    """What is measured."""

    description: str = Field(default="", description="What it does, for reports.", examples=['"50 agents"'])
    call: CallText | None = Field(default=None, description="Function or generator function of the suite's folder.")
    command: list[str] | None = Field(
        default=None, min_length=1, description="Program with its arguments, as in `docker run IMAGE COMMAND`.",
        examples=['["python", "job.py"]'],
    )  # fmt: skip


class SharedKeys(TomlTable):
    """What benchmarks of all kinds may share."""

    kind: Kind | None = Field(default=None, description="With `server`, the command serves until it is stopped.")
    parameters: dict[ParameterName, ParameterValue] = Field(
        default={}, description="Keyword arguments of the function.", examples=["{ agents = 50 }"]
    )
    caps: Annotated[list[CapName], OnceEach] | None = Field(
        default=None, description="Caps to run under; those of the profile if left out.", examples=['["128m"]']
    )
    budget: Size | None = Field(default=None, description="Absolute limit of one metric.", examples=['"100MiB"'])
    budget_metric: ByteMetricName = Field(default="peak", description="Metric that the budget limits.")
    budget_margin: Percent = Field(
        default=0.0, description="How far the budget may be exceeded.", json_schema_extra=keeps('"0%"')
    )
    tolerances: Tolerances = Field(default=Tolerances(), description="Tolerances of its own, added to the project's.")
    tags: list[Name] = Field(default=[], description="Words that profiles choose by.", examples=['["quick"]'])
    metrics: dict[MetricName, str] = Field(
        default={}, description="Metrics that the function returns, each with its unit.",
        examples=['{ rows = "count" }'],
    )  # fmt: skip
    thresholds: dict[str, ThresholdTable] = Field(default={}, description="Grades of a metric, by its name.")
    alerts: dict[str, Number] = Field(
        default={}, description="Report a metric above this figure.", examples=["{ rows = 1000 }"]
    )
    projections: dict[str, Annotated[list[Annotated[int, Field(ge=1, le=MOST_CYCLES)]], OnceEach]] = Field(
        default={}, description="Later cycles for which a returned metric is projected.",
        examples=["{ held = [100000] }"],
    )  # fmt: skip
    env: dict[EnvName, str] = Field(
        default={}, description="Environment variables, added to the project's.", examples=['{ LOG_LEVEL = "debug" }']
    )
    container: BenchmarkContainer = Field(
        default=BenchmarkContainer(), description="Options of its containers, in place of the project's."
    )
    time_limit: Duration | None = Field(default=None, description="Longest time of one run, if not the project's.")
    warmups: int = Field(
        default=0, ge=0, le=MOST_RUNS, description="Calls of the function in each run before the measured one."
    )
    cycles: int | None = Field(
        default=None, ge=1, le=MOST_CYCLES, description="Stop a generator after so many yields.", examples=["1000"]
    )
    duration: Duration | None = Field(default=None, description="Stop a generator after this time.")
    soak: bool = Field(
        default=False, description="Run it once, and judge whether it leaks in place of its metrics.", examples=["true"]
    )


class DefaultsTable(ServerKeys, SharedKeys):
    """What the benchmarks of the suite share.

    A benchmark's own key replaces a shared one. Tables are merged key by key; an empty table takes nothing that is
    shared. What is shared about a metric is for the benchmarks that have it, what goes with `call` only is not for
    commands, and what goes with `kind` only is for servers. A shared `kind` is for all commands.
    """


class BenchmarkTable(DefaultsTable, WorkloadTable):
    """One workload. It has either `call` or `command`; a server has `kind`, `command`, `ready` and `load`."""

    expect: Annotated[dict[str, EndingName], ExpectedByCap] = Field(
        default={}, description='Expected ending by cap; "*" stands for the others. One ending alone is for all caps.',
        examples=['{ 128m = "oom_killed" }'],
    )  # fmt: skip
    quiet: QuietTable = Field(default=QuietTable(), description="How still its surroundings are kept.")


class SuiteTable(TomlTable):
    """The suite as a whole."""

    description: str = Field(default="", description="What it measures, for reports.", examples=['"Our agents"'])
    total: Duration | None = Field(
        default=None, description="Longest time of one run of each of its cells in one image.", examples=['"10min"']
    )
    advice: dict[str, str] = Field(
        default={}, description="What to do where a metric is poor or over budget, by its name.",
        examples=['{ peak = "Read in chunks." }'],
    )  # fmt: skip
    quiet: QuietTable = Field(
        default=QuietTable(), description="How still the surroundings of its benchmarks are kept."
    )
    defaults: DefaultsTable = Field(
        default=DefaultsTable(), description="What its benchmarks share; each may have its own instead."
    )


class SuiteFile(TomlTable):
    """All of `suite.toml`."""

    suite: SuiteTable = Field(default=SuiteTable(), description="The suite as a whole.")
    services: dict[NewService, ServiceTable] = Field(
        default={}, description="What its servers need next to them, added to those of limits.toml."
    )
    benchmarks: dict[Name, BenchmarkTable] = Field(min_length=1, description="Its workloads, by name.")
