"""The fake engine: what it gives is what a real run could have given, and the same every time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import MIB, make_layer, make_plan_cell, make_settings
from memcap.engine.fake import FLOOR_BYTES, SUPERVISOR_BYTES, FakeEngine
from memcap.errors import Interrupted
from memcap.measuring import measure
from memcap.model import Ending, Measurement, RunSpec
from memcap.run_spec import run_spec

SPEC = replace(
    run_spec(make_plan_cell(), make_layer(), make_settings(), attempt="1.1"), supervisor_bytes=SUPERVISOR_BYTES
)


def measured(engine: FakeEngine, spec: RunSpec = SPEC) -> Measurement:
    return measure(engine.execute(spec), spec, cpus=engine.environment().cpus)


def test_a_cell_that_fits_completes_with_what_it_needs() -> None:
    found = measured(FakeEngine({"*": 40 * MIB}))
    assert (found.ending, found.exit_code, found.caveats) == (Ending.COMPLETED, 0, ())
    assert (found.peak_bytes, found.unreclaimable_peak_bytes) == (40 * MIB, 40 * MIB)
    assert found.at_peak.unreclaimable == 40 * MIB
    assert found.floor_bytes == FLOOR_BYTES


@pytest.mark.parametrize(
    ("need", "ending"),
    [
        (128 * MIB + SUPERVISOR_BYTES, Ending.COMPLETED),
        (128 * MIB + SUPERVISOR_BYTES + 1, Ending.OOM_KILLED),
    ],
)
def test_a_cell_that_needs_more_than_its_cap_is_killed(need: int, ending: Ending) -> None:
    found = measured(FakeEngine({"*": need}))
    assert found.ending is ending
    assert found.peak_bytes == found.cap_bytes == 128 * MIB + SUPERVISOR_BYTES
    assert found.caveats == ()


def test_the_first_matching_glob_says_what_a_cell_needs() -> None:
    engine = FakeEngine({"agents.crew-*": 20 * MIB, "agents.*": 30 * MIB})
    peaks = [measured(engine, replace(SPEC, cell_id=name)).peak_bytes for name in ("agents.crew-a-b", "agents.llm-a-b")]
    assert peaks == [20 * MIB, 30 * MIB]
    assert measured(engine, replace(SPEC, cell_id="streams.x-a-b")).peak_bytes == FLOOR_BYTES


def test_it_is_the_same_every_time_and_remembers_what_it_ran() -> None:
    engine = FakeEngine({"*": 40 * MIB})
    assert engine.execute(SPEC) == engine.execute(SPEC)
    assert engine.runs == [SPEC, SPEC]


def test_after_cancel_nothing_runs() -> None:
    engine = FakeEngine({})
    engine.cancel()
    with pytest.raises(Interrupted):
        engine.execute(SPEC)
    assert engine.runs == []
