"""How a run with an instrument differs from the run without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factories import make_layer, make_plan_cell, make_settings
from memcap.instruments.launching import Instrument, instrumented, rendering
from memcap.model import Layer, ProfileTool, RunSpec
from memcap.run_spec import run_spec

MIB = 1024 * 1024
WITH = replace(make_layer(), id="sha256:with")


def make_spec(layer: Layer | None = None, **changes: object) -> RunSpec:
    spec = run_spec(make_plan_cell(), layer or make_layer(), make_settings(), attempt="1")
    return replace(spec, **changes)  # type: ignore[arg-type]


def test_the_run_is_the_same_but_for_the_instrument() -> None:
    spec = make_spec(env={"A": "1"})
    found = instrumented(spec, Instrument(native=True), WITH, artefacts=Path("there"), raised_bytes=6 * MIB)

    assert found.argv == spec.argv
    assert found.image_id == "sha256:with"
    assert found.cap_bytes == spec.cap_bytes + 6 * MIB
    assert found.artefacts == Path("there")
    assert found.env == {"A": "1", "MEMCAP_INSTRUMENT": "memray native", "MEMCAP_ARTEFACTS": "/memcap/artefacts"}


def test_a_search_path_of_the_run_keeps_the_instrument() -> None:
    spec = make_spec(env={"PYTHONPATH": "/memcap/suite"})
    found = instrumented(spec, Instrument(), WITH, artefacts=Path(), raised_bytes=0)

    assert found.env["PYTHONPATH"] == "/memcap/instruments/start:/memcap/suite"


@pytest.mark.parametrize(
    ("instrument", "words"),
    [
        (Instrument(), "memray"),
        (Instrument(native=True, follows_fork=True), "memray native follow"),
        (Instrument(tool=ProfileTool.TRACEMALLOC, frames=5), "tracemalloc frames=5"),
    ],
)
def test_words_for_the_container(instrument: Instrument, words: str) -> None:
    assert instrument.words == words


def test_the_record_is_read_in_the_image_without_the_instrument_running() -> None:
    found = rendering(make_spec(), WITH, artefacts=Path("there"), name="n", with_reports=False)

    assert found.argv == (
        "/usr/local/bin/python3",
        "/memcap/instruments/memcap_render.py",
        "/memcap/artefacts",
        "no-reports",
    )
    assert found.env == {}
