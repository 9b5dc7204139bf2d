"""The keys of servers and services as pydantic models. Imported late, as pydantic is heavy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from memcap.config.server_values import (
    Collect,
    Fresh,
    Levels,
    Load,
    PackageName,
    Pause,
    PhaseText,
    PutFiles,
    Ready,
    ServiceName,
    StopSignal,
    TmpfsList,
)
from memcap.config.toml_table import TomlTable, keeps
from memcap.config.values import (
    ByteMetricName,
    CapSize,
    Duration,
    EndingName,
    EnvName,
    ExpectedByCap,
    OnceEach,
    Percent,
    Size,
    UserName,
)


class ServiceTable(TomlTable):
    """A program that servers need next to them, such as a database.

    It has a container and a cap of its own; servers reach it by its name. It is either an image or a Debian package.
    """

    image: str | None = Field(
        default=None, description="An image of the project, or a reference.", examples=['"redis:7"']
    )
    package: PackageName | None = Field(
        default=None, description="The Debian package to make an image of.", examples=['"redis-server"']
    )
    command: list[str] | None = Field(
        default=None, min_length=1, description="Program with its arguments; that of the image if left out.",
        examples=['["redis-server", "--save", ""]'],
    )  # fmt: skip
    env: dict[EnvName, str] = Field(
        default={}, description="Environment variables.", examples=['{ POSTGRES_DB = "shop" }']
    )
    cap: CapSize | None = Field(default=None, description="Its memory limit.", json_schema_extra=keeps('"512MiB"'))
    ready: Ready | None = Field(
        default=None, description="When it is ready: URL, tcp://HOST:PORT or command.",
        examples=['"tcp://localhost:6379"'],
    )  # fmt: skip
    ready_timeout: Duration | None = Field(
        default=None, description="Longest time until it is ready.", json_schema_extra=keeps('"60s"')
    )
    files: PutFiles = Field(
        default=[], description="Files and folders to copy into it.", examples=['["./db.conf:/etc/db.conf"]']
    )
    tmpfs: TmpfsList = Field(default=[], description="Folders in memory.", examples=['["/data:size=64m"]'])
    user: UserName | None = Field(
        default=None, description="User that it runs as, if not the image's.", examples=['"postgres"']
    )
    fresh: Fresh = Field(default="run", description="A container for each `run`, or one for the `campaign`.")
    stop_signal: StopSignal | None = Field(default=None, description="Signal that stops it, if not the image's.")


class PhaseTable(TomlTable):
    """What is expected of one phase of a server.

    The phases are `start`, `warm_up`, `load`, `idle`, `collect` and `stop`.
    """

    budget: Size | None = Field(
        default=None, description="Absolute limit of one metric in this phase.", examples=['"100MiB"']
    )
    budget_metric: ByteMetricName = Field(default="peak", description="Metric that the budget limits.")
    budget_margin: Percent = Field(
        default=0.0, description="How far the budget may be exceeded.", json_schema_extra=keeps('"0%"')
    )
    expect: Annotated[dict[str, EndingName], ExpectedByCap] = Field(
        default={}, description="Expected ending of the run, in this phase, as `expect` of a benchmark.",
        examples=['"oom_killed"'],
    )  # fmt: skip


class ServerKeys(TomlTable):
    """What goes with `kind = "server"` only."""

    ready: Ready | None = Field(
        default=None, description="When the server is ready: URL, tcp://HOST:PORT, command, or table of url, statuses."
    )
    ready_timeout: Duration | None = Field(
        default=None, description="Longest time until the server is ready.", json_schema_extra=keeps('"60s"')
    )
    load: Load | None = Field(
        default=None, description="What is sent to the server; a list of words is a load generator of your own."
    )
    levels: Levels | None = Field(
        default=None, description="Factors of the rate; each is a load of its own.", json_schema_extra=keeps("[1]")
    )
    warm_up: Pause | None = Field(
        default=None, description="Time between ready and load.", json_schema_extra=keeps('"5s"')
    )
    idle: Pause | None = Field(
        default=None, description="Rest after each load; longer than the server's keep-alive timeout.",
        json_schema_extra=keeps('"8s"'),
    )  # fmt: skip
    collect: Collect | None = Field(
        default=None, description="Request or signal that makes the server collect its garbage, after the rest."
    )
    grace: Pause | None = Field(
        default=None, description="Time to stop after the stop signal; then it is killed.",
        json_schema_extra=keeps('"10s"'),
    )  # fmt: skip
    services: Annotated[list[ServiceName], OnceEach] | None = Field(
        default=None, description="Services that it needs next to it.", examples=['["db"]']
    )
    phases: dict[PhaseText, PhaseTable] = Field(default={}, description="What is expected of single phases.")
