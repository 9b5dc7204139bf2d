"""Which recorder is taken, in which cap, and what becomes of a run that it shows nothing of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factories import make_layer, make_measurement, make_oom
from memcap.errors import BuildError, PlanError
from memcap.instruments.launching import Instrument, Recorder
from memcap.instruments.profiling import Named
from memcap.instruments.session import Idle
from memcap.model import Layer, Measurement, ProfileTool
from memcap.repro.flight import make_recorder, record_kill

MIB = 1024 * 1024
NAMED = Named(id="i", started="", subject="s", cap_bytes=128 * MIB)


def silent(_: str) -> None:
    pass


def only(*tools: ProfileTool) -> Any:
    def build(tool: ProfileTool) -> Layer:
        if tool not in tools:
            raise BuildError(f"no {tool.value} here")
        return replace(make_layer(), id=tool.value)

    return build


def test_memray_and_children_where_there_were_any() -> None:
    found = make_recorder(only(*ProfileTool), make_oom(process_count=3), native=True, say=silent)

    assert found.layer.id == "memray"
    assert found.instrument == Instrument(native=True, follows_fork=True, watches=True)
    alone = make_recorder(only(*ProfileTool), make_oom(process_count=1), native=False, say=silent)
    assert not alone.instrument.follows_fork


def test_tracemalloc_where_there_is_no_memray() -> None:
    told: list[str] = []
    build = only(ProfileTool.TRACEMALLOC)
    found = make_recorder(build, make_oom(process_count=1), native=True, say=told.append)

    assert found.layer.id == "tracemalloc"
    assert found.instrument == Instrument(tool=ProfileTool.TRACEMALLOC, watches=True)
    assert told == ["no memray here; taking tracemalloc"]


def test_neither() -> None:
    with pytest.raises(BuildError, match="no tracemalloc here"):
        make_recorder(only(), make_oom(), native=False, say=silent)


class Sessions:
    """Runs that end as told and leave nothing, by how much the cap was raised."""

    def __init__(self, *runs: Measurement) -> None:
        self.runs = list(runs)
        self.raised: list[int] = []
        self.say = silent

    def idle_footprint(self, *_: object, artefacts: Path) -> Idle:
        assert artefacts.is_dir()
        return Idle(without_bytes=8 * MIB, with_bytes=14 * MIB - 1)

    def recorded(self, *_: object, artefacts: Path, raised_bytes: int, cap_bytes: int) -> Measurement:
        assert cap_bytes == 128 * MIB
        assert list(artefacts.iterdir()) == []
        (artefacts / "stacks-1-0.txt").write_text("x")
        self.raised.append(raised_bytes)
        return self.runs.pop(0)


@pytest.mark.parametrize(
    ("like", "runs", "raised"),
    [
        (make_oom(process_count=1), [make_oom()], [6]),
        (make_oom(process_count=3), [make_oom()], [18]),
        (make_oom(process_count=500), [make_oom()], [48]),
        (make_oom(process_count=1), [make_measurement(), make_oom()], [6, 0]),
        (make_measurement(process_count=1), [make_measurement()], [6]),
    ],
)
def test_the_cap_is_raised_by_what_the_recorder_needs(
    like: Measurement, runs: list[Measurement], raised: list[int], tmp_path: Path
) -> None:
    session: Any = Sessions(*runs)
    recorder = Recorder(instrument=Instrument(follows_fork=like.process_count != 1), layer=make_layer())
    with pytest.raises(PlanError, match="no Python of the run began to record"):
        record_kill(session, recorder, like=like, named=NAMED, artefacts=tmp_path)

    assert [each // MIB for each in session.raised] == raised
    assert list(tmp_path.iterdir()) == [], "nothing of a run that shows nothing"
