"""The zoo of endings: what should be found, and what is. Add a row to ANIMALS for each new ending."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from integration.measuring import SUITE, cell, launched
from truth.lab import Lab
from truth.table import Table

from memcap.measure import measure
from memcap.model import Ending, Measurement

SOME = -1  # how many of several are killed is not determined
KILL_PID_1 = "import os, signal, time; os.kill(1, signal.SIGTERM); time.sleep(600)"


@dataclass(frozen=True, kw_only=True)
class Animal:
    """A workload of tests/integration/truth (or a command), and how it must end.

    ``kills`` None: nobody can know. ``shm_mib`` is the size of /dev/shm (None: the daemon's 64 MiB);
    ``docker_kill_after`` seconds the container is killed from outside.
    """

    what: str
    call: str | tuple[str, ...]
    ending: Ending
    kills: int | None = 0
    options: Mapping[str, object] = field(default_factory=dict)
    shm_mib: int | None = None
    docker_kill_after: float | None = None


ANIMALS = (
    Animal(what="runs through", call="nothing", ending=Ending.COMPLETED),
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
        options={"time_limit": 3.0},
        ending=Ending.OOM_HUNG,
        kills=1,
    ),
    Animal(
        what="multiprocessing.Pool, a worker killed",
        call="pool_of_the_killed",
        options={"time_limit": 4.0},
        ending=Ending.OOM_HUNG,
        kills=SOME,
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
    Animal(what="MemoryError", call="memory_error", ending=Ending.MEMORY_ERROR),
    Animal(what="MemoryError, survived", call="memory_error_survived", ending=Ending.COMPLETED),
    Animal(what="MemoryError of a command", call=("python", "-c", "raise MemoryError"), ending=Ending.MEMORY_ERROR),
    Animal(what="exception", call="raises", ending=Ending.FAILED),
    Animal(what="exit code 137 by itself", call="exits", options={"code": 137}, ending=Ending.FAILED),
    Animal(what="abort()", call="crash", ending=Ending.CRASHED),
    Animal(what="no such function", call="no_such_function", ending=Ending.LOAD_FAILED),
    Animal(what="no such program", call=("no-such-program",), ending=Ending.LOAD_FAILED),
    Animal(what="300 MB of page cache under 128 MiB", call="write_file", options={"mib": 300}, ending=Ending.COMPLETED),
    Animal(what="50 MiB of output", call="chatter", options={"mib": 50}, ending=Ending.FAILED),
    Animal(what="leaves a process behind", call="orphan", ending=Ending.COMPLETED),
    Animal(what="cap too small to start", call="nothing", options={"cap": "1m"}, ending=Ending.NOT_STARTED, kills=None),
    Animal(
        what="docker kill",
        call="sleep_for_ever",
        docker_kill_after=1.5,
        ending=Ending.KILLED_FROM_OUTSIDE,
        kills=None,
    ),
    Animal(what="SIGTERM from outside", call=("python", "-c", KILL_PID_1), ending=Ending.KILLED_FROM_OUTSIDE),
)


def experiment(lab: Lab) -> list[Table]:
    """Let each end once (or ``--runs`` times), and compare."""
    rows = []
    for animal in ANIMALS:
        ends = _ends(lab, animal)
        right = sum(end.ending is animal.ending and _as_expected(end.oom.kills, animal.kills) for end in ends)
        found = ", ".join(sorted({end.ending.value for end in ends}))
        kills = ", ".join(sorted({str(end.oom.kills) for end in ends}))
        flags = ", ".join(sorted({str(end.oom.docker_flag).lower() for end in ends}))
        row = [animal.what, animal.ending.value, found, kills, flags, f"{right} of {len(ends)}"]
        lab.say("  ".join(row))
        rows.append(row)
    notes = ("`kills` is the cgroup's own counter; `OOMKilled` is the daemon's flag, shown because others rely on it.",)
    columns = ("workload", "expected", "found", "kills", "OOMKilled", "right")
    return [Table(title="Endings", columns=columns, rows=rows, notes=notes)]


def _ends(lab: Lab, animal: Animal) -> list[Measurement]:
    one = cell(animal.call, on=lab.image, **animal.options)  # type: ignore[arg-type]
    ends = []
    for _ in range(lab.times(1)):
        with launched(lab.client, one, suite=SUITE) as (engine, spec):
            size = None if animal.shm_mib is None else animal.shm_mib * 1024 * 1024
            spec = replace(spec, policy=replace(spec.policy, shm_size_bytes=size))  # noqa: PLW2901
            killer = threading.Timer(animal.docker_kill_after or 0, lab.client.api.kill, [spec.name])
            if animal.docker_kill_after is not None:
                killer.start()
            ends.append(measure(engine.execute(spec), spec, cpus=engine.environment().cpus))
            killer.cancel()
    return ends


def _as_expected(found: int | None, expected: int | None) -> bool:
    return bool(found) if expected == SOME else found == expected
