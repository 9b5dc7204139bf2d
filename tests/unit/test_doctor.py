"""What is found follows from the facts alone; each warning and problem has a remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.doctor import GIB, MIB, DoctorFacts, Finding, Severity, diagnose
from memcap.engine.discover import DaemonAddress
from memcap.engine.docker_facts import DaemonFacts, KernelFacts, clock_ahead, read_kernel_files
from memcap.errors import DaemonPermissionError, DaemonUnavailable
from memcap.machine import MachineFacts
from memcap.model import Environment

MACHINE = MachineFacts(
    memcap_version="0.1.0",
    python_version="CPython 3.12.1",
    platform="linux",
    hostname="here",
    kernel="6.12.1",
    memory_available_bytes=8 * GIB,
    disk_free_bytes=50 * GIB,
    load=0.1,
)
ENVIRONMENT = Environment(
    engine="docker",
    engine_version="28.0",
    cgroup_version=2,
    cgroup_driver="systemd",
    kernel="6.12.1",
    operating_system="Debian",
    architecture="x86_64",
    cpus=4,
    memory_bytes=16 * GIB,
    swap_accounting=True,
    memcap_version="0.1.0",
)
DAEMON = DaemonFacts(
    address=DaemonAddress(url="unix:///var/run/docker.sock", source="the default socket"),
    environment=ENVIRONMENT,
    sdk_version="7.2.0",
    api_version="1.48",
    hostname="here",
    storage_driver="overlay2",
    data_root="/var/lib/docker",
    security=("seccomp",),
    can_cap_memory=True,
    can_limit_pids=True,
    warnings=(),
    clock_ahead_seconds=0.0,
    containers_in_use=0,
    leftovers=0,
    kernel=KernelFacts(thp="madvise", memory_available_bytes=8 * GIB, swap_bytes=0, load=0.2),
)


def daemon_with(**changes: Any) -> DaemonFacts:
    """Change facts of the healthy daemon, whether they are its own, its environment's or its kernel's."""
    own = {name: value for name, value in changes.items() if hasattr(DAEMON, name)}
    environment = {name: value for name, value in changes.items() if hasattr(ENVIRONMENT, name) and name not in own}
    kernel = {name: value for name, value in changes.items() if hasattr(KernelFacts(), name)}
    daemon = replace(DAEMON, environment=replace(ENVIRONMENT, **environment), **own)
    return replace(daemon, kernel=replace(daemon.kernel, **kernel)) if daemon.kernel else daemon


def finding(subject: str, daemon: DaemonFacts, *, disk: int | None = 50 * GIB) -> Finding:
    found = diagnose(DoctorFacts(machine=MACHINE, daemon=daemon), data_root_free_bytes=disk)
    (one,) = (finding for finding in found if finding.subject == subject)
    return one


def test_a_healthy_machine_has_nothing_to_mend() -> None:
    found = diagnose(DoctorFacts(machine=MACHINE, daemon=DAEMON), data_root_free_bytes=50 * GIB)
    assert [one for one in found if one.level is not Severity.OK or one.remedy] == []
    assert len({one.subject for one in found}) == len(found) >= 12


@pytest.mark.parametrize(
    ("subject", "changes", "level", "words"),
    [
        ("daemon", {"api_version": "1.40"}, Severity.WARNING, "which is old"),
        ("daemon", {"security": ("seccomp", "rootless")}, Severity.OK, "rootless"),
        ("caps", {"can_cap_memory": False}, Severity.PROBLEM, "cannot limit memory"),
        ("caps", {"security": ("rootless",), "cgroup_version": 1}, Severity.PROBLEM, "rootless daemon cannot"),
        ("caps", {"security": ("rootless",), "cgroup_version": 2}, Severity.OK, "cgroup v2"),
        ("caps", {"can_limit_pids": False}, Severity.WARNING, "processes not"),
        ("caps", {"can_cap_memory": None}, Severity.OK, "cgroup v2 (systemd)"),
        ("swap", {"swap_bytes": GIB}, Severity.OK, "limits it"),
        ("swap", {"swap_bytes": GIB, "swap_accounting": False}, Severity.PROBLEM, "1.0 GiB"),
        ("swap", {"swap_bytes": None, "swap_accounting": False}, Severity.WARNING, "not known"),
        ("swap", {"swap_bytes": 0, "swap_accounting": False}, Severity.OK, "none"),
        ("swap", {"kernel": None, "swap_accounting": None}, Severity.OK, "limits it"),
        ("memory", {"memory_available_bytes": 900 * MIB}, Severity.WARNING, "900.0 MiB free of 16.0 GiB"),
        ("memory", {"memory_available_bytes": 200 * MIB}, Severity.PROBLEM, "200.0 MiB free"),
        (
            "memory",
            {"memory_available_bytes": None, "hostname": "vm", "memory_bytes": 2 * GIB},
            Severity.OK,
            "not known",
        ),
        (
            "memory",
            {"memory_available_bytes": None, "hostname": "vm", "memory_bytes": 512 * MIB},
            Severity.WARNING,
            "all",
        ),
        ("memory", {"memory_available_bytes": None, "hostname": "vm", "memory_bytes": None}, Severity.OK, "not known"),
        ("memory", {"memory_available_bytes": None}, Severity.OK, "8.0 GiB free"),
        ("storage", {"storage_driver": "vfs"}, Severity.WARNING, "vfs"),
        ("thp", {"thp": "always"}, Severity.WARNING, "always"),
        ("thp", {"thp": "never"}, Severity.OK, "never"),
        ("thp", {"kernel": None}, Severity.OK, "memcap images build"),
        ("clock", {"clock_ahead_seconds": 61.0}, Severity.WARNING, "ahead of"),
        ("clock", {"clock_ahead_seconds": -3.0}, Severity.WARNING, "behind"),
        ("clock", {"clock_ahead_seconds": -1.5}, Severity.OK, "agrees"),
        ("clock", {"clock_ahead_seconds": None}, Severity.OK, "not known"),
        ("load", {"load": 4.5}, Severity.WARNING, "4.5 on 4 CPUs"),
        ("load", {"load": None, "hostname": "vm"}, Severity.OK, "not known"),
        ("load", {"load": None}, Severity.OK, "0.1 on 4 CPUs"),
        ("leftovers", {"leftovers": 1}, Severity.WARNING, "1 container of"),
        ("leftovers", {"leftovers": 3}, Severity.WARNING, "3 containers of"),
        ("leftovers", {"containers_in_use": 2}, Severity.OK, "none (2 in use now)"),
        ("daemon says", {"warnings": ("WARNING: something is off",)}, Severity.WARNING, "something is off"),
    ],
)
def test_each_fact_gives_its_finding(subject: str, changes: dict[str, Any], level: Severity, words: str) -> None:
    found = finding(subject, daemon_with(**changes))
    assert found.level is level
    assert words in found.what
    assert bool(found.remedy) is (level is not Severity.OK)


@pytest.mark.parametrize(
    ("version", "kernel", "level"),
    [
        (2, "5.18.0-generic", Severity.WARNING),
        (2, "5.19.0", Severity.OK),
        (2, "6.1.0", Severity.OK),
        (1, "4.19.0", Severity.OK),
        (2, "unknown", Severity.OK),
        (None, "6.1.0", Severity.WARNING),
    ],
)
def test_the_peak_needs_a_kernel_that_keeps_it(version: int | None, kernel: str, level: Severity) -> None:
    daemon = replace(DAEMON, environment=replace(ENVIRONMENT, cgroup_version=version, kernel=kernel))
    assert finding("peak", daemon).level is level


@pytest.mark.parametrize(
    ("free", "level"),
    [(None, Severity.OK), (5 * GIB, Severity.OK), (2 * GIB, Severity.WARNING), (900 * MIB, Severity.PROBLEM)],
)
def test_the_daemons_disk_needs_room(free: int | None, level: Severity) -> None:
    assert finding("disk", DAEMON, disk=free).level is level


def test_results_need_room_too() -> None:
    (found,) = diagnose(DoctorFacts(machine=replace(MACHINE, disk_free_bytes=MIB)))
    assert (found.subject, found.level) == ("results", Severity.PROBLEM)


def test_warnings_judged_elsewhere_are_not_repeated() -> None:
    warnings = ("WARNING: No swap limit support", "WARNING: bridge-nf-call-iptables is disabled")
    found = diagnose(DoctorFacts(machine=MACHINE, daemon=daemon_with(warnings=warnings)), data_root_free_bytes=50 * GIB)
    assert "daemon says" not in {one.subject for one in found}


@pytest.mark.parametrize(
    ("error", "subject"),
    [
        (DaemonUnavailable("nobody answers", remedy="Start it."), "daemon"),
        (DaemonPermissionError("forbidden", remedy="Join."), "permission"),
    ],
)
def test_no_daemon_is_a_problem_with_the_errors_own_remedy(error: DaemonUnavailable, subject: str) -> None:
    found = diagnose(DoctorFacts(machine=MACHINE, no_daemon=error))[-1]
    assert (found.subject, found.level) == (subject, Severity.PROBLEM)
    assert (found.what, found.remedy) == (error.message, error.remedy)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"hostname": "docker-desktop"}, False),
        ({"address": DaemonAddress(url="tcp://here:2375", source="x")}, False),
        ({"environment": replace(ENVIRONMENT, kernel="6.6.0-linuxkit")}, False),
    ],
)
def test_the_same_machine_has_the_same_name_kernel_and_a_socket(changes: dict[str, Any], same: bool) -> None:
    assert DoctorFacts(machine=MACHINE, daemon=replace(DAEMON, **changes)).same_machine is same


NOW = datetime(2026, 5, 4, 10, 0, 0, 500_000, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("system_time", "ahead"),
    [
        ("2026-05-04T10:00:00.531482798Z", 0.0),
        ("2026-05-04T12:00:00.6+02:00", 0.0),
        ("2026-05-04T10:00:11.500000000Z", 10.0),
        ("2026-05-04T09:59:50.5Z", -10.0),
        ("2026-05-04T10:00:01Z", 0.0),
        ("", None),
        ("yesterday", None),
    ],
)
def test_the_clocks_difference_is_what_lies_outside_the_request(system_time: str, ahead: float | None) -> None:
    assert clock_ahead(system_time, NOW, NOW + timedelta(seconds=1)) == ahead


@given(st.integers(min_value=-(10**6), max_value=10**6), st.integers(min_value=0, max_value=999_999_999))
def test_any_time_of_gos_clock_can_be_read(seconds: int, nanoseconds: int) -> None:
    moment = NOW.replace(microsecond=0) + timedelta(seconds=seconds)
    fraction = f"{nanoseconds:09d}".rstrip("0")
    text = f"{moment:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}Z"
    ahead = clock_ahead(text, NOW.replace(microsecond=0), NOW.replace(microsecond=0))
    assert ahead == pytest.approx(seconds + nanoseconds / 1e9, abs=2e-6)


def test_the_kernels_files_are_read() -> None:
    found = read_kernel_files(
        {
            "thp": "always [madvise] never\n",
            "memory": "MemTotal:       24684092 kB\nMemAvailable:   24074276 kB\nSwapTotal:         1024 kB\n",
            "load": "0.46 0.30 0.11 1/200 4242\n",
        }
    )
    assert found == KernelFacts(
        thp="madvise", memory_available_bytes=24074276 * 1024, swap_bytes=1024 * 1024, load=0.46
    )


@given(st.dictionaries(st.sampled_from(["thp", "memory", "load"]), st.text()))
def test_files_that_say_nothing_leave_the_facts_absent(files: dict[str, str]) -> None:
    assert isinstance(read_kernel_files(files), KernelFacts)
    assert read_kernel_files({}) == KernelFacts()
