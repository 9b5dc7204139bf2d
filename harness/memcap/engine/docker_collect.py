"""Bring back what a run left in its container, which has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from memcap.engine.docker_archive import read_files, read_lines
from memcap.engine.docker_logs import log_text
from memcap.engine.framed import own_journal, split_report
from memcap.model import RawRun, RunSpec
from memcap.model.places import OUT

if TYPE_CHECKING:
    from docker import DockerClient

OUTPUT_MARKER: Final = "memcap: output begins\n"
ARCHIVE_SECONDS: Final = 180.0
JOURNAL, WORKLOAD_JOURNAL = "supervisor.jsonl", "workload.jsonl"


def collect(client: DockerClient, container: str, spec: RunSpec, secret: str) -> RawRun:
    """Return what the run of ``spec`` left; OOM events and neighbours are for others to add. Raises docker's errors."""
    facts = client.api.inspect_container(container)
    state, applied = facts["State"], facts["HostConfig"]
    # Apart, because the daemon copies them apart: a traceback may be logged in the middle of earlier output.
    output, report = split_report(log_text(client, container, errors=False), secret)
    error_output, again = split_report(log_text(client, container, errors=True), secret)
    report = report or again
    journal = ""
    if report is None:
        report = split_report(_file(client, container, "report.json"), secret)[1]
    # That of a soak may be long; who collects it reads it line by line.
    if not spec.look_seconds and (report is None or spec.serving is not None):
        journal = own_journal(_file(client, container, JOURNAL), secret)
    return RawRun(
        report=report,
        workload_journal="" if spec.metrics is None else _file(client, container, WORKLOAD_JOURNAL),
        supervisor_journal=journal,
        output=output.removeprefix(OUTPUT_MARKER),
        error_output=error_output,
        output_truncated=not output.startswith(OUTPUT_MARKER),
        exit_code=state.get("ExitCode"),
        oom_killed_flag=state.get("OOMKilled"),
        oom_events=None,
        cpuset=applied.get("CpusetCpus"),
    )


def lines_of(client: DockerClient, container: str, name: str) -> Iterator[str]:
    """Yield the lines of the file ``name`` of memcap's folder in the container, which may run; none if it is missing.

    Raises docker's errors.
    """
    from docker.errors import NotFound  # noqa: PLC0415 - heavy

    try:
        chunks, _ = client.api.get_archive(container, f"{OUT}/{name}")
    except NotFound as error:
        if "No such container" in str(error):
            raise
        return
    yield from read_lines(chunks)


def own_lines(client: DockerClient, container: str, secret: str) -> Iterator[str]:
    """Yield the lines of the supervisor's journal; none where its first is not the secret, as others wrote it then."""
    lines = lines_of(client, container, JOURNAL)
    if next(lines, "") == secret:
        yield from lines


def _file(client: DockerClient, container: str, name: str) -> str:
    """Return the file ``name`` of memcap's folder in the container, empty where there is none."""
    from docker.errors import NotFound  # noqa: PLC0415 - heavy

    from memcap.engine.docker_bounded import within  # noqa: PLC0415 - imports docker

    path = f"{OUT}/{name}"
    try:
        files = within(ARCHIVE_SECONDS, lambda: read_files(lambda: client.api.get_archive(container, path)[0], path))
    except NotFound as error:
        if "No such container" in str(error):
            raise
        return ""
    return files.get(name, "")
