"""How a profile is made of runs, with a session that only pretends to run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factories import make_layer, make_measurement, make_oom
from memcap.errors import PlanError
from memcap.instruments.launching import Instrument, Recorder
from memcap.instruments.profiling import Named, cost_of, take_profile
from memcap.instruments.session import Idle
from memcap.model import AllocationProfile, CaveatKind, Cost, Ending, Layer, Measurement, ProfileTool, ServerRun
from memcap.report.profile import facts

MIB = 1024 * 1024
SITES = {
    "processes": [
        {
            "pid": 7,
            "parent": 1,
            "command": ["python"],
            "version": "1.20.0",
            "peak_bytes": 50 * MIB,
            "sites": [[50 * MIB, 1, "", "malloc", [0]]],
        }
    ],
    "frames": [["/app.py", 4, "guilty", False]],
    "sources": {},
}


class PretendedSession:
    """Answers with given measurements; keeps by how much the cap was raised."""

    def __init__(
        self, without: Measurement, *runs: Measurement, notes: bool = True, writes_totals: bool = True
    ) -> None:
        self.raised: list[int] = []
        self.instruments: list[Instrument] = []
        self.told: list[str] = []
        self.say = self.told.append
        self._writes_totals = writes_totals
        self._without = without
        self._runs = list(runs)
        self._notes = notes

    def idle_footprint(self, instrument: Instrument, layer: Layer, *, artefacts: Path) -> Idle:
        return Idle(without_bytes=8 * MIB, with_bytes=14 * MIB)

    def plain(self) -> Measurement:
        return self._without

    def recorded(self, instrument: Instrument, layer: Layer, *, artefacts: Path, raised_bytes: int) -> Measurement:
        assert not any(artefacts.iterdir()), "a record of an earlier run is none of this one"
        self.raised.append(raised_bytes)
        self.instruments.append(instrument)
        if self._notes:
            written = self._writes_totals or not instrument.aggregates
            (artefacts / "capture-7.bin").write_bytes(b"memray" if written else b"")
        return self._runs.pop(0)

    def render(self, layer: Layer, *, artefacts: Path, with_reports: bool) -> None:
        (artefacts / "sites.json").write_text(json.dumps(SITES))


def take(
    session: PretendedSession,
    folder: Path,
    instrument: Instrument | None = None,
) -> AllocationProfile:
    return take_profile(
        session,  # type: ignore[arg-type]
        Recorder(instrument=instrument or Instrument(), layer=make_layer()),
        named=Named(id="i", started="", subject="s", cap_bytes=128 * MIB),
        artefacts=folder,
    )


def kinds(profile: AllocationProfile) -> list[CaveatKind]:
    return [caveat.kind for caveat in profile.caveats]


def test_a_workload_that_completes(tmp_path: Path) -> None:
    session = PretendedSession(make_measurement(60, wall_seconds=1), make_measurement(66, wall_seconds=1.5))
    found = take(session, tmp_path)

    assert session.raised == [6 * MIB]
    assert found.cost == Cost(footprint_bytes=6 * MIB, slowdown=1.5)
    assert (found.ending, found.tool_version, found.python) == (Ending.COMPLETED, "1.20.0", "CPython 3.12.7")
    assert found.sites[0].size_bytes == 50 * MIB
    assert kinds(found) == []
    assert [path.name for path in tmp_path.iterdir()] == ["capture-7.bin"]
    assert not found.is_server


def test_a_server_is_said_to_have_been_one(tmp_path: Path) -> None:
    session = PretendedSession(make_measurement(60), make_measurement(66, server=ServerRun()))
    assert take(session, tmp_path).is_server


def test_a_workload_that_does_not_fit_beside_the_instrument_gets_room(tmp_path: Path) -> None:
    session = PretendedSession(make_measurement(61), make_oom(), make_measurement(90))
    found = take(session, tmp_path)

    assert [line.partition(" ")[0] for line in session.told] == ["[1/4]", "[2/4]", "[3/4]", "[3/4]", "[4/4]"]
    assert session.raised == [6 * MIB, 66 * MIB]
    assert found.ending is Ending.COMPLETED
    assert kinds(found) == []


def test_a_workload_that_is_killed_anyway_is_not_given_room(tmp_path: Path) -> None:
    session = PretendedSession(make_oom(), make_oom())
    found = take(session, tmp_path)

    assert session.raised == [6 * MIB]
    assert found.cost == Cost(footprint_bytes=6 * MIB, idle=True)
    assert kinds(found) == [CaveatKind.RECORD_CUT_SHORT, CaveatKind.COUNTED_LITTLE]
    assert "50.0 MiB were counted, and 113.0 MiB needed" in found.caveats[1].detail, "what memray needs does not count"


def test_what_may_be_doubted_is_told(tmp_path: Path) -> None:
    without, run = make_measurement(), make_measurement(ending=Ending.TIMED_OUT, process_count=3)
    found = take(PretendedSession(without, run), tmp_path, Instrument(tool=ProfileTool.TRACEMALLOC))

    assert kinds(found) == [
        CaveatKind.SNAPSHOTS_ONLY,
        CaveatKind.ENDED_OTHERWISE,
        CaveatKind.CHILDREN_NOT_FOLLOWED,
    ]


def test_a_run_that_noted_nothing_is_an_error_with_its_output(tmp_path: Path) -> None:
    run = make_measurement(ending=Ending.FAILED, output_tail="no such file")

    with pytest.raises(PlanError, match="no such file"):
        take(PretendedSession(run, run, notes=False), tmp_path)


def test_without_running_times_there_is_no_slowdown() -> None:
    run = make_measurement(wall_seconds=None)

    assert cost_of(run, run, idle_bytes=5) == Cost(footprint_bytes=0)


@pytest.mark.parametrize(
    ("needed", "processes", "follows", "kind"),
    [
        (61, 1, False, None),  # 50 MiB were counted
        (107, 1, False, None),
        (200, 1, False, CaveatKind.COUNTED_LITTLE),
        (200, 2, True, CaveatKind.COUNTED_LITTLE),
        (200, 2, False, CaveatKind.CHILDREN_NOT_FOLLOWED),
    ],
)
def test_far_less_counted_than_needed(
    tmp_path: Path, needed: int, processes: int, follows: bool, kind: CaveatKind | None
) -> None:
    run = make_measurement(needed, process_count=processes)
    found = take(PretendedSession(run, run), tmp_path, Instrument(follows_fork=follows))

    assert kinds(found) == ([kind] if kind else [])
    if kind:
        (caveat,) = found.caveats
        assert caveat.detail.endswith("50.0 MiB were counted, and 191.0 MiB needed beyond what Python itself takes")


def test_of_a_long_run_totals_are_recorded(tmp_path: Path) -> None:
    long = make_measurement(60, cpu_seconds=5.5)
    session = PretendedSession(long, make_measurement(66))
    found = take(session, tmp_path)

    assert session.instruments == [Instrument(aggregates=True)]
    assert found.aggregated
    assert "there is no flamegraph over time" in facts(found)[-1]


@pytest.mark.parametrize(
    ("without", "instrument"),
    [
        (make_measurement(60, cpu_seconds=4.5), Instrument()),
        (make_oom(cpu_seconds=60.0), Instrument()),
        (make_measurement(60, cpu_seconds=60.0), Instrument(tool=ProfileTool.TRACEMALLOC)),
    ],
)
def test_else_each_allocation_is(tmp_path: Path, without: Measurement, instrument: Instrument) -> None:
    session = PretendedSession(without, without)
    found = take(session, tmp_path, instrument)

    assert session.instruments == [instrument]
    assert not found.aggregated
    assert len(facts(found)) == 2


@pytest.mark.parametrize("run", [make_measurement(66), make_oom()])
def test_totals_that_were_not_written_are_made_up_for(tmp_path: Path, run: Measurement) -> None:
    session = PretendedSession(make_measurement(60, cpu_seconds=9.0), run, make_measurement(66), writes_totals=False)
    found = take(session, tmp_path)

    assert session.instruments == [Instrument(aggregates=True), Instrument()]
    assert session.raised == ([6 * MIB, 6 * MIB] if run.ending is Ending.COMPLETED else [6 * MIB, 65 * MIB])
    assert (found.ending, found.aggregated) == (Ending.COMPLETED, False)
