"""Attacks on the supervisor, and what must come of each: the table of the hostile suite (`truth/hostile.py`)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from integration.measuring import cell, launched, scaled

from memcap.measuring import measure
from memcap.model import CaveatKind, Ending

if TYPE_CHECKING:
    from docker import DockerClient

MIB = 1024 * 1024
HELD = 24 * MIB
MOST = HELD + 16 * MIB  # an interpreter, and what some of them need besides


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What a workload of `truth/hostile.py` does, and what must come of it.

    ``refused``: whether the attack itself is; None where there is nothing to refuse.
    """

    name: str
    refused: bool | None = None
    ending: Ending = Ending.FAILED
    exit_code: int | None = 3
    most: int = MOST


def _refused(*names: str) -> list[Attack]:
    return [Attack(name=name, refused=True) for name in names]


def _done(*names: str) -> list[Attack]:
    return [Attack(name=name, refused=False) for name in names]


ATTACKS = [
    # The folder of the report
    *_refused("write_report", "append_to_report", "remove_report", "replace_report", "remove_journal", "write_journal"),
    *_done("folder_instead_of_report", "pipe_instead_of_report", "link_instead_of_report"),
    *_done("many_files", "large_files", "no_supervisor"),
    Attack(name="other_folder"),  # not every file system can rename a folder of the image
    Attack(name="other_tree"),
    *_refused("closed_folder"),
    # The streams of output
    *_done("forged_output", "flood_of_lines", "long_lines", "small_pipe", "last_word_without_end"),
    Attack(name="flood_of_both"),  # its own last words may be lost
    Attack(name="without_waiting"),
    Attack(name="closed_output"),
    # The secret
    *_refused("environment_of_supervisor", "memory_of_supervisor", "files_of_supervisor", "secret_in_sight"),
    # PID 1
    *_refused(
        "signals_to_supervisor", "cpu_limit_of_supervisor", "file_limit_of_supervisor", "descriptor_limit_of_supervisor"
    ),
    *_refused(
        "trace_supervisor",
        "seize_supervisor",
        "memory_write_to_supervisor",
        "score_of_supervisor",
        "name_of_supervisor",
    ),
    *_refused("priority_of_supervisor", "cpus_of_supervisor", "scheduling_of_supervisor", "become_the_supervisor"),
    Attack(name="everybody"),
    # The cgroup and the namespaces
    *_refused("raise_the_cap", "leave_the_cgroup", "reset_the_mark", "own_cgroup_namespace"),
    *_refused("mount_over_the_folder", "writable_cgroup", "device_of_memory", "raw_socket"),
    Attack(name="own_user_namespace"),  # Docker's seccomp profile refuses it, Podman's does not; it helps nobody
    # Processes
    *_done("child_that_stays"),
    Attack(name="child_that_writes_on"),
    Attack(name="zombies", refused=False, most=MOST + 8 * MIB),
    Attack(name="crowd", most=512 * MIB),
    Attack(name="stopped", ending=Ending.TIMED_OUT, exit_code=None),
    Attack(name="killed_by_itself", ending=Ending.CRASHED, exit_code=None),
    Attack(name="exit_code_of_a_kill", exit_code=137),
    Attack(name="core_dump", ending=Ending.CRASHED, exit_code=None),
]


def execute_attack(client: DockerClient, attack: Attack, *, user: str) -> None:
    """Run the workload in a container as ``user`` (empty: root), and assert that what is reported is the truth."""
    limit = scaled(3 if attack.ending is Ending.TIMED_OUT else 30)
    one = cell(("python3", "/memcap/suite/hostile.py", attack.name), cap="512m", time_limit=limit)
    with launched(client, one) as (engine, usual):
        spec = replace(usual, user=user)
        begun = time.monotonic()
        raw = engine.execute(spec)
        took = time.monotonic() - begun
    run = measure(raw, spec, cpus=None)

    assert (run.ending, run.exit_code) == (attack.ending, attack.exit_code), f"{run.detail}\n{raw.output[-500:]}"
    assert took < limit + scaled(10)
    assert run.unreclaimable_peak_bytes is not None
    assert HELD < run.unreclaimable_peak_bytes < attack.most
    assert "hostile: " in raw.output or attack.refused is None
    if attack.refused is not None:
        assert ("hostile: refused" in raw.output) is attack.refused, raw.output[-500:]
    assert "supervisor_bytes" not in raw.output + raw.error_output, "the report is no output"
    assert CaveatKind.WITHIN_REACH not in {caveat.kind for caveat in run.caveats}
