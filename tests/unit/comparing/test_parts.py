"""What a run's need is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import make_run
from hypothesis import given
from hypothesis import strategies as st

from factories import MIB, make_measurement
from memcap.comparing import Part, part_bytes
from memcap.model import Phases


def test_each_part() -> None:
    run = make_run(interpreter=3, imports=2, workload=20, slack=1)
    assert {part: part_bytes(run, part) for part in Part} == {
        Part.INTERPRETER: 3 * MIB,
        Part.IMPORTS: 2 * MIB,
        Part.WORKLOAD: 20 * MIB,
        Part.SLACK: MIB,
    }


_SIZES = st.integers(0, 2**40)


@given(need=_SIZES, floor=_SIZES, interpreter=_SIZES, imported=_SIZES, left=_SIZES)
def test_floor_and_parts_add_up_to_the_need(need: int, floor: int, interpreter: int, imported: int, left: int) -> None:
    phases = Phases(interpreter_bytes=interpreter, imported_bytes=imported, left_bytes=left)
    run = make_measurement(unreclaimable_peak_bytes=need, floor_bytes=floor, phases=phases)
    parts = [part_bytes(run, part) for part in (Part.INTERPRETER, Part.IMPORTS, Part.WORKLOAD)]
    assert floor + sum(part for part in parts if part is not None) == need
    assert None not in parts
    assert part_bytes(run, Part.SLACK) == left - imported


def test_a_command_has_no_parts() -> None:
    assert [part_bytes(make_measurement(), part) for part in Part] == [None] * 4


@pytest.mark.parametrize(
    ("missing", "known"),
    [
        ({"phases": Phases(interpreter_bytes=None, imported_bytes=1)}, set()),
        ({"phases": Phases(interpreter_bytes=1)}, {Part.INTERPRETER}),
        ({"phases": Phases(interpreter_bytes=1, imported_bytes=2)}, {Part.INTERPRETER, Part.IMPORTS, Part.WORKLOAD}),
        ({"floor_bytes": None}, {Part.INTERPRETER, Part.IMPORTS, Part.SLACK}),
        ({"unreclaimable_peak_bytes": None}, {Part.INTERPRETER, Part.IMPORTS, Part.SLACK}),
    ],
)
def test_a_run_that_did_not_get_that_far_has_what_is_known(missing: dict[str, object], known: set[Part]) -> None:
    run = replace(make_run(), **missing)  # type: ignore[arg-type]
    assert {part for part in Part if part_bytes(run, part) is not None} == known
