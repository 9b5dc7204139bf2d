"""Small reproductions to be told of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from factories import make_measurement, make_oom, make_profile, make_site
from memcap.model import Ending, Frame, Measurement, Moment, ProcessPeak, ProfiledProcess
from memcap.repro.escalation import Load
from memcap.repro.reproduction import Attempt, Flight, LastAllocation, Need, Reproduction, Stacks, State, ThreadStack

MIB = 1024 * 1024
GUILTY = Frame(file="/app/parse.py", line=87, function="read_rows")
MAIN = Frame(file="/app/main.py", line=12, function="main")
SOURCES = {"/app/parse.py:87": "rows.append(…)"}


def make_killed(**changes: Any) -> Measurement:
    """Return a run whose only process was killed."""
    process = ProcessPeak(pid=7, name="python", vm_hwm_bytes=126 * MIB)
    return make_oom(**{"processes": (process,), **changes})


def make_stacks(*frames: Frame, process: int = 7, seconds: float = 1.5) -> Stacks:
    """Return the main thread's stack at 133 of 134 MiB."""
    thread = ThreadStack(name="MainThread", frames=frames or (GUILTY, MAIN))
    return Stacks(process=process, used_bytes=133 * MIB, cap_bytes=134 * MIB, seconds=seconds, threads=(thread,))


def make_flight(**changes: Any) -> Flight:
    """Return a killed run with 99 of 121 MiB in parse.py:87."""
    profile = make_profile(make_site(99, count=31), make_site(22, file="/app/other.py", line=3), sources=SOURCES)
    state = State(
        process=7, used_bytes=110 * MIB, cap_bytes=134 * MIB, waiting=(1, 2, 3), collections=(9, 1, 0), objects=5,
        types=(("builtins.dict", 3), ("app.Row", 2)), files=("3 /data/rows.csv",),
    )  # fmt: skip
    whole = Flight(
        profile=replace(profile, ending=Ending.OOM_KILLED, raised_bytes=6 * MIB),
        measurement=make_killed(cap_bytes=134 * MIB),
        stacks=(make_stacks(),),
        states=(state,),
        last=(LastAllocation(process=7, size_bytes=MIB, thread="", frames=(GUILTY, MAIN)),),
    )
    return replace(whole, **changes)


def make_found(**changes: Any) -> Reproduction:
    """Return a kill that happened in three of three runs at 128 MiB, with a flight."""
    killed = Attempt(cap_bytes=128 * MIB, measurement=make_killed())
    whole = Reproduction(
        id="20261120T043000-repro-1a2b",
        started="2026-11-20T04:30:00+00:00",
        subject="py312 -- python app.py",
        image="py312",
        asked_cap_bytes=128 * MIB,
        cap_bytes=128 * MIB,
        attempts=(killed,) * 3,
        flight=make_flight(),
        need=Need(cap_bytes=512 * MIB, ending=Ending.COMPLETED, unreclaimable_peak_bytes=164 * MIB),
    )
    return replace(whole, **changes)


def make_growing() -> Attempt:
    """Return a killed attempt that grew 3.2 MiB a cycle over 31 cycles of a second."""
    sizes = [int((20 + 3.2 * second) * MIB) for second in range(33)]
    series = tuple(
        Moment(seconds=float(second), usage=size, anon=size, file=0, shmem=0, kernel=0, low=size)
        for second, size in enumerate(sizes)
    )
    return Attempt(cap_bytes=128 * MIB, measurement=make_killed(series=series), cycle_seconds=(1.0,) * 31)


def make_escalated(*needs: float, killed: bool = True) -> Reproduction:
    """Return runs with requests=10, 20, and so on that needed so many MiB, and a kill with the next load if so told."""
    loads = [Load(name="requests", amount=10 * 2**step) for step in range(len(needs) + 1)]
    survived = [
        Attempt(cap_bytes=128 * MIB, load=load, measurement=make_measurement(unreclaimable_peak_bytes=int(need * MIB)))
        for load, need in zip(loads, needs, strict=False)
    ]
    attempts = (Attempt(cap_bytes=128 * MIB, load=loads[-1], measurement=make_killed()),) * 3
    if killed:
        return make_found(attempts=attempts, earlier=tuple(survived), again="memcap repro py312 -- python app.py")
    return make_found(attempts=tuple(survived[-1:]), earlier=tuple(survived[:-1]), flight=None, need=None)


def make_spared() -> Attempt:
    """Return an attempt that ended by itself."""
    return Attempt(cap_bytes=128 * MIB, measurement=make_measurement(31))


def with_child(flight: Flight) -> Flight:
    """Return the flight as if process 7 were a child of process 6, which held more lines but less memory."""
    (child,) = flight.profile.processes
    parent = ProfiledProcess(pid=6, command="python app.py", main=True, peak_bytes=MIB, sites_bytes=MIB)
    sites = (*flight.profile.sites, make_site(1, file="/app/main.py", line=1, process=6))
    profile = replace(flight.profile, processes=(parent, replace(child, main=False)), sites=sites)
    return replace(flight, profile=profile, measurement=replace(flight.measurement, ending=Ending.OOM_CHILD_SWALLOWED))
