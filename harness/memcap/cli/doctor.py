"""``memcap doctor``: say whether this machine can measure, and what to mend."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import echo, emit, terminal_width
from memcap.errors import DaemonUnavailable, DoctorFoundProblems
from memcap.json_text import json_text
from memcap.units import counted, format_bytes

if TYPE_CHECKING:
    from memcap.doctor import DoctorFacts, Finding

JSON_SCHEMA = 1


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Look at this machine and its Docker daemon; say what disturbs measuring, and what to do about it.

    Nothing is changed. If an image of memcap is there, one short container looks at the daemon's kernel.

    \b
    Exit codes: 0 no problem (warnings are allowed), 26 problems,
    20 no daemon, 21 a daemon that this user may not use.
    \b
    Examples:
      memcap doctor
      memcap doctor --json
    """
    from memcap.doctor import Severity, diagnose

    facts = _gather()
    findings = diagnose(facts, data_root_free_bytes=_data_root_free(facts))
    if as_json:
        emit(json_text(_as_json(facts, findings)))
    else:
        echo(_as_text(facts, findings))
    if facts.no_daemon is not None:
        raise facts.no_daemon
    problems = sum(finding.level is Severity.PROBLEM for finding in findings)
    if problems:
        raise DoctorFoundProblems(counted(problems, "problem"), remedy="Each is listed above with its remedy.")


def _gather() -> DoctorFacts:
    from memcap.doctor import DoctorFacts
    from memcap.engine.docker_client import address, connect
    from memcap.engine.docker_facts import gather
    from memcap.machine import look

    machine = look(Path.cwd())
    try:
        where = address()
        with closing(connect(where)) as client:
            return DoctorFacts(machine=machine, daemon=gather(client, where))
    except DaemonUnavailable as error:
        return DoctorFacts(machine=machine, no_daemon=error)


def _data_root_free(facts: DoctorFacts) -> int | None:
    """Return the bytes free where the daemon keeps images, or None where this process cannot see that."""
    import psutil

    if facts.daemon is None or not facts.same_machine:
        return None
    try:
        return psutil.disk_usage(facts.daemon.data_root).free
    except OSError:
        return None


def _as_text(facts: DoctorFacts, findings: tuple[Finding, ...]) -> str:
    from memcap.report.text import wrapped

    width = terminal_width()
    lines = [wrapped(value, width, first=f"{name:<10}", rest=" " * 10) for name, value in _described(facts)]
    lines.append("")
    for finding in findings:
        head = f"{finding.level.value:<8} {finding.subject:<11} "
        lines.append(wrapped(finding.what, width, first=head, rest=" " * len(head)))
        if finding.remedy:
            lines.append(wrapped(finding.remedy, width, first=f"{'':<21}-> ", rest=" " * 24))
    return "\n".join(lines)


def _described(facts: DoctorFacts) -> list[tuple[str, str]]:
    """List the facts a reader wants beside the findings, or would copy into a bug report."""
    machine, daemon = facts.machine, facts.daemon
    rows = [("memcap", f"{machine.memcap_version}, {machine.python_version} on {machine.platform}")]
    if daemon is None:
        return rows
    environment = daemon.environment
    memory = format_bytes(environment.memory_bytes) if environment.memory_bytes else "memory not known"
    return [
        *rows,
        ("daemon", f"{daemon.address.url} ({daemon.address.source})"),
        ("context", daemon.address.context or "default"),
        ("versions", f"{environment.engine} {environment.engine_version}, API {daemon.api_version}"),
        ("client", f"docker SDK {daemon.sdk_version}"),
        ("machine", f"{environment.cpus or '?'} CPUs, {memory}, {environment.architecture}"),
        ("system", f"{environment.operating_system}, kernel {environment.kernel}"),
        ("place", "this machine" if facts.same_machine else "another machine, a VM or a container"),
        ("security", ", ".join(daemon.security) or "not known"),
    ]


def _as_json(facts: DoctorFacts, findings: tuple[Finding, ...]) -> dict[str, object]:
    daemon = None
    if facts.daemon is not None:
        daemon = asdict(facts.daemon)
        address = facts.daemon.address
        daemon["address"] = {"url": address.url, "source": address.source, "context": address.context}
    return {
        "schema": JSON_SCHEMA,
        "machine": asdict(facts.machine),
        "daemon": daemon,
        "same_machine": facts.same_machine,
        "findings": [{**asdict(finding), "level": finding.level.value} for finding in findings],
    }
