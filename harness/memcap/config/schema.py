"""The tables of ``limits.toml`` as pydantic models. Imported late, as pydantic is heavy.

``suite_schema.py`` has those of ``suite.toml``. The references in docs/ are made of both (``python -m ci reference``).
Each key has a description, and an example where its kind has none. ``keeps`` documents a default that is the model's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from memcap.config.server_schema import ServiceTable
from memcap.config.server_values import NewService
from memcap.config.toml_table import TomlTable, keeps
from memcap.config.values import (
    AddHosts,
    AlertShare,
    AlertSize,
    ByteDistance,
    CapName,
    CapSize,
    CpuCount,
    CpuQuota,
    Duration,
    Entrypoint,
    EnvName,
    EnvNames,
    FalseAlarms,
    FileNames,
    HostName,
    ImageName,
    Mounts,
    Name,
    NetworkName,
    OnceEach,
    Percent,
    SecondDistance,
    Size,
    SuiteName,
    Tmpfs,
    Ulimits,
    UserName,
    Volumes,
    Workdir,
)

MOST_RUNS = 100_000
MOST_CYCLES = 10**12
MOST_PIDS = 2**22  # of Linux


class ByteTolerance(TomlTable):
    """How far a metric in bytes may move from its baseline. A change counts when it exceeds both parts."""

    relative: Percent | None = Field(default=None, description="Part of the baseline's median.")
    absolute: ByteDistance | None = Field(default=None, description="What counts for small workloads.")


class SecondTolerance(TomlTable):
    """How far a time may move from its baseline. A change counts when it exceeds both parts."""

    relative: Percent | None = Field(default=None, description="Part of the baseline's median.")
    absolute: SecondDistance | None = Field(
        default=None, description="What counts for short workloads.", examples=['"50ms"']
    )


class Tolerances(TomlTable):
    """The metrics that are judged, each with its tolerance."""

    peak: ByteTolerance | None = Field(default=None, description="The cgroup's high-water mark, page cache included.")
    unreclaimable_peak: ByteTolerance | None = Field(
        default=None, description="The largest amount that the kernel could not take back: what must fit."
    )
    rss_peak: ByteTolerance | None = Field(default=None, description="The largest process, shared libraries included.")
    wall: SecondTolerance | None = Field(default=None, description="Time from start to end; needs a quiet machine.")
    cpu: SecondTolerance | None = Field(default=None, description="CPU time; needs a quiet machine.")


class ProfileTable(TomlTable):
    """What one `memcap run --profile NAME` measures. A list that is left out means all."""

    suites: Annotated[list[SuiteName], OnceEach] | None = Field(
        default=None, description="Folders under suites/.", examples=['["agents"]']
    )
    images: Annotated[list[ImageName], OnceEach] | None = Field(
        default=None, description="Names of images.", examples=['["py312"]']
    )
    caps: Annotated[list[CapName], OnceEach] | None = Field(
        default=None, description="Names of caps.", examples=['["128m", "256m"]']
    )
    tags: Annotated[list[Name], OnceEach] | None = Field(
        default=None, description="Only benchmarks with at least one of these tags.", examples=['["quick"]']
    )
    runs: int = Field(default=5, ge=1, le=MOST_RUNS, description="Measured runs of each cell.")
    warmups: int = Field(default=1, ge=0, le=MOST_RUNS, description="Discarded runs of each cell before them.")
    within: Duration | None = Field(
        default=None, description="Longest time of the whole run; finished cells are kept.", examples=['"20min"']
    )


class TimeLimits(TomlTable):
    """Time limits."""

    run: Duration = Field(default=120.0, description="Longest time of one run.", json_schema_extra=keeps('"120s"'))


class QuietTable(TomlTable):
    """How still the surroundings of a workload are kept. What is left out keeps the project's default."""

    pin_cpus: CpuCount = Field(
        default=None, description="Pin each run to that many CPUs of its own.", json_schema_extra=keeps('"all"')
    )
    thp: bool | None = Field(
        default=None, description="Transparent huge pages.", examples=["false"], json_schema_extra=keeps("true")
    )
    aslr: bool | None = Field(
        default=None, description="Address space randomisation.", examples=["false"], json_schema_extra=keeps("true")
    )


class BenchmarkContainer(TomlTable):
    """Options of containers, as `docker run` has them."""

    network: NetworkName | None = Field(
        default=None, description="`none`, `bridge`, `host`, or a network of yours.", examples=['"bridge"'],
        json_schema_extra=keeps('"none"'),
    )  # fmt: skip
    pids: int | None = Field(
        default=None, ge=1, le=MOST_PIDS, description="Most processes and threads.", json_schema_extra=keeps("512")
    )
    shm_size: Size | None = Field(
        default=None, description="Size of /dev/shm, which counts against the cap; 64 MiB if left out, as in Docker."
    )
    read_only: bool | None = Field(
        default=None, description="Make the image's files read-only.", examples=["true"],
        json_schema_extra=keeps("false"),
    )  # fmt: skip
    env_files: FileNames = Field(
        default=[], description="Files of environment variables, as `--env-file`.", examples=['[".env"]']
    )
    pass_env: EnvNames = Field(
        default=[], description="Variables that have the value they have where memcap runs.", examples=['["API_KEY"]']
    )
    public_env: EnvNames = Field(
        default=[], description="Variables whose values may be stored in results.", examples=['["LOG_LEVEL"]']
    )
    user: UserName | None = Field(
        default=None, description="User that the workload runs as, if not the image's.", examples=['"app:staff"']
    )
    entrypoint: Entrypoint | None = Field(
        default=None, description="Entrypoint in place of the image's; none if empty.", examples=['"tini"']
    )
    workdir: Workdir | None = Field(
        default=None, description="Working folder, if not the image's.", examples=['"/srv"']
    )
    volumes: Volumes = Field(
        default=[], description="Folders and volumes to mount, as `--volume`.", examples=['["./data:/data:ro"]']
    )
    mounts: Mounts = Field(
        default=[], description="The same, as `--mount`.", examples=['["type=bind,source=./data,target=/data"]']
    )
    tmpfs: Tmpfs = Field(
        default=[], description="Folders in memory; what is written there counts against the cap.",
        examples=['["/scratch:size=64m"]'],
    )  # fmt: skip
    add_hosts: AddHosts = Field(
        default=[], description="Names of hosts, each with its address.", examples=['["db:10.0.0.5"]']
    )
    disk: ByteDistance | None = Field(default=None, description="Most bytes written to disk.", examples=['"1GiB"'])
    file_size: ByteDistance | None = Field(default=None, description="Largest file.", examples=['"256MiB"'])
    cpus: CpuQuota | None = Field(default=None, description="Quota of CPU time, as Docker's; to pin CPUs, see quiet.")
    cpu_time: Duration | None = Field(
        default=None, description="Most CPU time of all processes together.", examples=['"60s"']
    )
    core: ByteDistance | None = Field(
        default=None, description="Largest core dump; none is written if left out.", examples=['"64MiB"']
    )
    ulimits: Ulimits | None = Field(default=None, description="Limits of each process, as `docker run --ulimit`.")


class Container(BenchmarkContainer):
    """What every container is allowed."""

    output_limit: Size | None = Field(
        default=None,
        description="How much of a workload's output is kept.",
        examples=['"64KiB"'],
        json_schema_extra=keeps('"1MiB"'),
    )
    sample_interval: Duration | None = Field(
        default=None, description="How often memory is sampled.", examples=['"1ms"'], json_schema_extra=keeps('"10ms"')
    )
    hostname: HostName | None = Field(
        default=None, description="Host name in the container; results of different hosts are not merged.",
        json_schema_extra=keeps('"memcap"'),
    )  # fmt: skip
    env: dict[EnvName, str] | None = Field(
        default=None, description="Environment variables of every run.", examples=['{ TZ = "UTC" }'],
        json_schema_extra=keeps('{ PYTHONHASHSEED = "0" }'),
    )  # fmt: skip


class ImageTable(TomlTable):
    """An image that is there already, or one that is built from a Dockerfile."""

    reference: str | None = Field(
        default=None, description="The image, by tag or digest.", examples=['"shop/prod:1.0"']
    )
    dockerfile: str | None = Field(
        default=None, description="The Dockerfile to build it from, by its path in the project.",
        examples=['"Dockerfile"'],
    )  # fmt: skip
    context: str | None = Field(
        default=None, description="The folder that COPY sees; the Dockerfile's own if left out.", examples=['"."']
    )


class Judge(TomlTable):
    """How results are judged."""

    minimum_runs: int = Field(
        default=5,
        ge=1,
        le=MOST_RUNS,
        description='With fewer runs the verdict is "not enough data". `run --until-decided` may call a cell '
        '"unchanged" with fewer.',
    )
    false_alarms: FalseAlarms | None = Field(
        default=None, description="How often a check of unchanged code may find a change.",
        json_schema_extra=keeps('"1%"'),
    )  # fmt: skip
    image_digest: Literal["warn", "match"] = Field(
        default="warn", description='With "match", figures of another build of an image are not compared.'
    )


class Alerts(TomlTable):
    """What is reported although nothing is broken yet; "off" turns an alert off."""

    cap: AlertShare = Field(
        default=None, description="Need (unreclaimable_peak) above this part of the cap.",
        json_schema_extra=keeps('"80%"'),
    )  # fmt: skip
    growth: AlertSize = Field(
        default=None, description="Steady growth from the first to the last tenth of a generator's cycles.",
        json_schema_extra=keeps('"10MiB"'),
    )  # fmt: skip
    gc: AlertShare = Field(
        default=None, description="Part of the time spent in Python's garbage collector.", examples=['"20%"'],
        json_schema_extra=keeps('"10%"'),
    )  # fmt: skip


class ProjectTable(TomlTable):
    """The project's own code. Paths are relative to the project."""

    package: str | None = Field(
        default=None,
        examples=['"."'],
        description="The package that every image under images/ gets: its folder, a folder of wheels, or a wheel.",
    )
    requirements: str | None = Field(
        default=None, examples=['"requirements.lock"'],
        description="Lock file of its dependencies. If left out: the first that is there of memcap-requirements.txt, "
        "pylock.toml, uv.lock and poetry.lock.",
    )  # fmt: skip


class LimitsFile(TomlTable):
    """All of `limits.toml`."""

    caps: dict[Name, CapSize] = Field(
        min_length=1, description="The memory limits to run under, each with a name.", examples=['{ 128m = "128MiB" }']
    )
    profiles: dict[Name, ProfileTable] = Field(min_length=1, description="What `memcap run --profile NAME` measures.")
    images: dict[Name, ImageTable] = Field(
        default={}, description="Images by reference or Dockerfile, besides the folders under images/."
    )
    services: dict[NewService, ServiceTable] = Field(default={}, description="What servers need next to them, by name.")
    project: ProjectTable = Field(default=ProjectTable(), description="The code that the suites measure.")
    tolerances: Tolerances = Field(default=Tolerances(), description="How far metrics may move.")
    time_limits: TimeLimits = Field(default=TimeLimits(), description="Time limits.")
    container: Container = Field(default=Container(), description="What every container is allowed.")
    quiet: QuietTable = Field(default=QuietTable(), description="How still the surroundings are kept.")
    judge: Judge = Field(default=Judge(), description="How results are judged.")
    alerts: Alerts = Field(default=Alerts(), description="What is reported although nothing is broken yet.")
