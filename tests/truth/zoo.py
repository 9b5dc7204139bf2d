"""The zoo of endings: what should be found, and what is. Add a row to ANIMALS for each new ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from integration.administering import disturbed, kill_as_a_group, kill_from_outside, small_parent_cgroup
from integration.measuring import SUITE, cell, launched
from truth.lab import Lab
from truth.table import Table

from memcap.engine.docker_client import environment
from memcap.measuring import measure
from memcap.model import Ending, Measurement

if TYPE_CHECKING:
    from docker import DockerClient

    from memcap.model import Environment

SOME = -1  # how many of several are killed is not determined
HANGING_SECONDS = 10.0  # by then the kill must have come, on an emulated processor beside other work too
KILL_PID_1 = "import os, signal, time; os.kill(1, signal.SIGTERM); time.sleep(600)"


@dataclass(frozen=True, kw_only=True)
class Animal:
    """A workload of tests/integration/truth (or a command), and how it must end.

    ``kills`` None: nobody can know. ``shm_mib`` is the size of /dev/shm (None: the daemon's 64 MiB). ``deed`` is done
    to the container when it runs; in a ``small_parent`` cgroup there is less memory than the cap. Those that are not
    ``short`` are left out of the short form: no daemon makes a difference to them, or test_supervisor.py has the like.
    """

    what: str
    call: str | tuple[str, ...]
    ending: Ending
    kills: int | None = 0
    options: Mapping[str, object] = field(default_factory=dict)
    shm_mib: int | None = None
    deed: Callable[[DockerClient, str], None] | None = None
    small_parent: bool = False
    short: bool = True


ANIMALS = (
    Animal(what="runs through", call="nothing", ending=Ending.COMPLETED, short=False),
    Animal(
        what="main process over the cap",
        call="allocate",
        options={"mib": 512},
        ending=Ending.OOM_KILLED,
        kills=1,
    ),
    Animal(
        what="child over the cap, swallowed",
        call="child_killed",
        options={"swallow": True},
        ending=Ending.OOM_CHILD_SWALLOWED,
        kills=1,
    ),
    Animal(
        what="child over the cap, noticed",
        call="child_killed",
        options={"swallow": False},
        ending=Ending.OOM_CHILD_NOTICED,
        kills=1,
    ),
    Animal(
        what="child over the cap, program hangs",
        call="child_killed_and_hang",
        options={"time_limit": HANGING_SECONDS},
        ending=Ending.OOM_HUNG,
        kills=1,
    ),
    Animal(
        what="multiprocessing.Pool, a worker killed",
        call="pool_of_the_killed",
        options={"time_limit": HANGING_SECONDS},
        ending=Ending.OOM_HUNG,
        kills=SOME,
        short=False,
    ),
    Animal(
        what="/dev/shm full, by writing",
        call="fill_shared_memory",
        options={"mib": 80, "through": "writing"},
        ending=Ending.STORAGE_FULL,
    ),
    Animal(
        what="/dev/shm full, by mapping",
        call="fill_shared_memory",
        options={"mib": 80, "through": "mapping"},
        ending=Ending.STORAGE_FULL,
        short=False,
    ),
    Animal(
        what="tmpfs over the cap",
        call="fill_shared_memory",
        options={"mib": 256, "through": "writing", "cap": "96m"},
        shm_mib=512,
        ending=Ending.OOM_KILLED,
        kills=1,
    ),
    Animal(what="time limit", call="sleep_for_ever", options={"time_limit": 1.5}, ending=Ending.TIMED_OUT),
    Animal(what="MemoryError", call="memory_error", ending=Ending.MEMORY_ERROR, short=False),
    Animal(what="MemoryError, survived", call="memory_error_survived", ending=Ending.COMPLETED, short=False),
    Animal(
        what="MemoryError of a command",
        call=("python", "-c", "raise MemoryError"),
        ending=Ending.MEMORY_ERROR,
        short=False,
    ),
    Animal(what="exception", call="raises", ending=Ending.FAILED, short=False),
    Animal(what="exit code 137 by itself", call="exits", options={"code": 137}, ending=Ending.FAILED, short=False),
    Animal(what="abort()", call="crash", ending=Ending.CRASHED, short=False),
    Animal(what="no such function", call="no_such_function", ending=Ending.LOAD_FAILED, short=False),
    Animal(what="no such program", call=("no-such-program",), ending=Ending.LOAD_FAILED, short=False),
    Animal(what="300 MB of page cache under 128 MiB", call="write_file", options={"mib": 300}, ending=Ending.COMPLETED),
    Animal(what="50 MiB of output", call="chatter", options={"mib": 50}, ending=Ending.FAILED, short=False),
    Animal(what="leaves a process behind", call="orphan", ending=Ending.COMPLETED, short=False),
    Animal(what="cap too small to start", call="nothing", options={"cap": "1m"}, ending=Ending.NOT_STARTED, kills=None),
    Animal(
        what="docker kill",
        call="sleep_for_ever",
        deed=kill_from_outside,
        ending=Ending.KILLED_FROM_OUTSIDE,
        kills=None,
        short=False,
    ),
    Animal(
        what="SIGTERM from outside", call=("python", "-c", KILL_PID_1), ending=Ending.KILLED_FROM_OUTSIDE, short=False
    ),
    Animal(
        what="too little memory above the container",
        call="allocate",
        options={"mib": 100, "cap": "256m"},
        small_parent=True,
        ending=Ending.MACHINE_OOM,
        kills=1,
    ),
    Animal(
        what="whole container over the cap (memory.oom.group)",
        call="grow_for_ever",
        options={"mib_per_second": 5, "cap": "96m"},
        deed=kill_as_a_group,
        ending=Ending.OOM_GROUP_KILLED,
        kills=None,
    ),
)


def experiment(lab: Lab) -> list[Table]:
    """Let each end once (or ``--runs`` times), and compare."""
    here = environment(lab.client)
    rows = []
    wrong = []
    for animal in (each for each in ANIMALS if each.short or not lab.short):
        reason = _why_not(animal, here)
        found, right = ([f"skipped: {reason}"], True) if reason else _found(lab, animal)
        row = [animal.what, animal.ending.value, *found]
        lab.say("  ".join(row))
        rows.append(row)
        if not right:
            wrong.append(f"{animal.what}: {found[0]}, kills: {found[1]}")
    notes = ("`kills` is the cgroup's own counter; `OOMKilled` is the daemon's flag, shown because others rely on it.",)
    columns = ("workload", "expected", "found", "kills", "OOMKilled", "right")
    return [Table(title="Endings", columns=columns, rows=rows, notes=notes, wrong=wrong)]


def _why_not(animal: Animal, here: Environment) -> str:
    """Return why an animal cannot live with this daemon; empty where it can."""
    if animal.deed is kill_as_a_group and here.cgroup_version != 2:
        return "memory.oom.group is a file of cgroup v2"
    if animal.small_parent and here.cgroup_driver != "cgroupfs":
        return f"the {here.cgroup_driver} driver takes no other parent cgroups than its own"
    return ""


def _found(lab: Lab, animal: Animal) -> tuple[list[str], bool]:
    ends = [_end(lab, animal) for _ in range(lab.times(1))]
    right = sum(end.ending is animal.ending and _as_expected(end.oom.kills, animal.kills) for end in ends)
    found = ", ".join(sorted({end.ending.value for end in ends}))
    kills = ", ".join(sorted({str(end.oom.kills) for end in ends}))
    flags = ", ".join(sorted({str(end.oom.docker_flag).lower() for end in ends}))
    return [found, kills, flags, f"{right} of {len(ends)}"], right == len(ends)


def _end(lab: Lab, animal: Animal) -> Measurement:
    one = cell(animal.call, on=lab.image, **animal.options)  # type: ignore[arg-type]
    above = small_parent_cgroup(lab.client) if animal.small_parent else nullcontext()
    with launched(lab.client, one, suite=SUITE) as (engine, spec), above:
        size = None if animal.shm_mib is None else animal.shm_mib * 1024 * 1024
        sized = replace(spec, policy=replace(spec.policy, shm_size_bytes=size))
        raw = disturbed(lab.client, engine, sized, animal.deed) if animal.deed else engine.execute(sized)
        return measure(raw, sized, cpus=engine.environment().cpus)


def _as_expected(found: int | None, expected: int | None) -> bool:
    return bool(found) if expected == SOME else found == expected
