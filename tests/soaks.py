"""Soaks as reports get them: memory that was recorded or generated, judged, with what else is seen of a workload."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leaks.recorded import load

from factories import MIB, make_environment, make_measurement
from memcap.leaks import Series, judge_series
from memcap.model import (
    AllocationSite,
    Grown,
    GrownType,
    Holder,
    MemoryLook,
    PythonLook,
    SoakKind,
    SoakRules,
    SoakSample,
    WorkLook,
)
from memcap.soaking import SoakOutcome

LIVING = (AllocationSite(file="/app/images.py", line=7, bytes=3 * MIB, count=96, source="    lib.decode(data)"),)
GROWN = Grown(
    seconds=141.0,
    since_seconds=120.5,
    pid=12,
    sites=(AllocationSite(file="/app/sessions.py", line=41, bytes=2 * MIB, count=410, source="kept.append(session)"),),
    types=(GrownType(name="sessions.Session", before=3000, now=3410),),
    holders=(
        Holder(kind="builtins.list", more=410, bytes=2 * MIB, rooted=True, steps=("module sessions.KEPT", "list")),
    ),
    traced_bytes=2 * MIB,
    tracing_bytes=90_000,
    took_seconds=0.21,
)
TOP = (
    AllocationSite(file="/app/sessions.py", line=41, bytes=9 * MIB, count=1310, source="    kept.append(session)"),
    AllocationSite(file="/usr/lib/python3.12/json/decoder.py", line=353, bytes=700_000, count=8_021),
)


def recorded(name: str) -> Series:
    """Return what a program of ``leaks.programs`` needed for two minutes."""
    return load(name).series


def stretched(series: Series, times: float, *, values: float = 1.0) -> Series:
    """Return the series over so many times the time, and of so many times the bytes."""
    return Series(
        seconds=[times * each for each in series.seconds], values=[int(values * each) for each in series.values]
    )


def make_soak(series: Series, **changes: Any) -> SoakOutcome:
    """Return a command's soak that ended as asked, with ``series`` judged and a sample of each 30th of it."""
    length = series.seconds[-1] if series.seconds else 0.0
    rules = changes.pop("rules", SoakRules(duration_seconds=length or 3600.0))
    cap_bytes = changes.pop("cap_bytes", 512 * MIB)
    name = changes.pop("name", "python app.py")
    whole = SoakOutcome(
        id="20261130T100000-soak-1a2b",
        name=name,
        image="py312",
        started="2026-11-30T10:00:00+00:00",
        kind=SoakKind.COMMAND,
        cap_bytes=cap_bytes,
        rules=rules,
        elapsed_seconds=length,
        samples=samples_of(series),
        series=series,
        verdict=judge_series(series, cap_bytes=cap_bytes, threshold=rules.leak_threshold_bytes),
        measurement=make_measurement(max(series.values, default=MIB) / MIB + 4, wall_seconds=length),
        container="memcap-20261130T100000-soak-1a2b",
        environment=make_environment(),
    )
    return replace(whole, **changes)


def make_calls(series: Series, **changes: Any) -> SoakOutcome:
    """Return the soak of a generator with everything that can be known of it."""
    work = [round(20 * seconds) for seconds in series.seconds]
    counted = replace(series, work=work)
    samples = tuple(_with_python(sample) for sample in samples_of(series))
    known: dict[str, Any] = {
        "kind": SoakKind.CALL,
        "samples": samples,
        "top": TOP,
        "living": LIVING,
        "name": "soak.sessions",
    }
    return make_soak(counted, **{**known, **changes})


def samples_of(series: Series, most: int = 31) -> tuple[SoakSample, ...]:
    """Return samples of the memory of ``series``, evenly spread."""
    last = len(series.seconds) - 1
    places = sorted({place * last // (most - 1) for place in range(most)}) if last >= 0 else []
    return tuple(SoakSample(memory=_look(series, place)) for place in places)


def _look(series: Series, place: int) -> MemoryLook:
    size = int(series.values[place])
    return MemoryLook(
        seconds=series.seconds[place],
        unreclaimable_bytes=size,
        low_bytes=size,
        usage_bytes=size + 3 * MIB,
        huge_bytes=0,
        rss_bytes=size + 8 * MIB,
        vms_bytes=size + 90 * MIB,
        processes=1,
        threads=4,
        open_files=7,
    )


def _with_python(sample: SoakSample) -> SoakSample:
    seconds = sample.memory.seconds
    done = WorkLook(
        seconds=seconds,
        done=round(20 * seconds),
        p50_seconds=0.0042,
        p95_seconds=0.0071,
        p99_seconds=0.011 + seconds / 1e5,
        max_seconds=0.09,
        metrics={"sessions": round(seconds / 3), "hit_rate": None if not seconds else 0.93},
    )
    python = PythonLook(
        seconds=seconds,
        pid=12,
        gc_objects=20_000 + round(40 * seconds),
        gc_collections=(round(seconds * 3), round(seconds / 4), round(seconds / 40)),
        tracemalloc_bytes=int(9 * MIB * seconds / 120),
        tracemalloc_peak_bytes=int(10 * MIB * seconds / 120),
        took_seconds=0.013,
    )
    return replace(sample, work=done, python=(python,))
